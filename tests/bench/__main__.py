"""`make bench`: every benchmark, one after the other, each in a process of its own. Names choose some of them.

    python -m tests.bench [audit statistics reranking pairs sequence_parts recommenders mitigations live api scale
                           pages]

Speed is given as ratios within one run; quality on real data where ../shared/data holds it. It takes hours on two
cores: most of it is training.
"""

from __future__ import annotations

import subprocess
import sys

PARTS = (
    *("audit", "statistics", "reranking", "pairs", "sequence_parts", "recommenders", "mitigations"),
    *("live", "api", "scale", "pages"),
)  # fmt: skip


def main() -> int:
    wanted = sys.argv[1:] or PARTS
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"There is no benchmark {unknown[0]}; there are: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    failed = []
    for name in wanted:
        print(f"\n# {name}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nDid not finish: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
