"""The GPU tests and their benchmark run on a CPU at a tiny size, so that they do not rot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_gpu_tests_run_in_cpu_mode() -> None:
    code = (
        "import os, sys, pytest; os.environ['FAIRDASH_GPU_TESTS'] = 'cpu';"
        "code = pytest.main(['-q', '-p', 'no:cacheprovider', 'tests/gpu', '-k', 'bench or gradients']);"
        "sys.exit(code or ('streamlit' in sys.modules))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
