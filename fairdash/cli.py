"""`python -m fairdash`: the pipeline without a browser. The pages call the same stages.

Progress goes to stderr; results go to files and, with --json, to stdout. Exit codes: 0 done, 2 a person's error (with
its hint), 3 a failed fairness gate.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairdash import __version__, settings
from fairdash.errors import ConfigError, FairDashError

if TYPE_CHECKING:
    from fairdash.mitigation.base import Mitigation
    from fairdash.progress import Progress
    from fairdash.run import Run
    from fairdash.schema import Dataset, GroupSpec
    from fairdash.stages.fit import TrainSpec

EXIT_ERROR, EXIT_GATE = 2, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):  # titles and conventions hold letters that some locales lack
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except FairDashError as error:
        print(f"error: {error.message}\n{error.hint}".rstrip(), file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("stopped; a training goes on from its last checkpoint when the command is given again", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of stdout went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"error: {error.filename or 'a file'}: {error.strerror}.\nCheck the path.", file=sys.stderr)
        return EXIT_ERROR


# --- commands ---------------------------------------------------------------------------------------------------------


def _data(arguments: argparse.Namespace) -> int:
    from fairdash import data
    from fairdash.groups import suggest

    dataset, findings = _read_dataset(arguments)
    if arguments.out is not None:
        data.save(dataset, arguments.out)
    _say(
        arguments,
        {
            "name": dataset.name,
            "n_users": dataset.n_users,
            "n_items": dataset.n_items,
            "n_interactions": len(dataset.interactions),
            "relevance_threshold": dataset.relevance_threshold,
            "provenance": dataset.provenance,
            "findings": [asdict(finding) for finding in findings],
            "groups": [asdict(spec) for spec in suggest(dataset.users)],
        },
        [
            f"{dataset.name}: {dataset.n_users:,} people, {dataset.n_items:,} items, "
            f"{len(dataset.interactions):,} interactions",
            *(f"{finding.severity}: {finding.message}" for finding in findings),
        ],
    )
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from fairdash import data
    from fairdash.mitigation.base import Mitigation
    from fairdash.stages import fit

    if arguments.strength == "auto":
        raise ConfigError(
            "train has one strength, and --strength auto tries several.",
            "Give a number, such as --strength 0.5; or train without, and let `mitigate --strength auto` find one.",
        )
    dataset, findings = _read_dataset(arguments)
    for finding in findings:
        _progress(0.0, f"{finding.severity}: {finding.message}")
    split = data.split.split(dataset, arguments.split, seed=arguments.seed)
    for note in split.notes:
        _progress(0.0, note)
    chosen: tuple[Mitigation, ...] = ()
    if arguments.mitigation:
        chosen = (
            Mitigation(
                arguments.mitigation,
                groups=tuple(_group(text, arguments) for text in arguments.group),
                strength=_strength(arguments.strength),
            ),
        )
    elif arguments.group:
        raise ConfigError("--group is given, but no --mitigation that would use it.", "Add --mitigation adversarial.")
    spec = fit.TrainSpec(arguments.recommender, _options(arguments.set), chosen, arguments.seed, arguments.device)
    run = fit.train(split, spec, arguments.out, _progress)
    _say(arguments, {"run": str(arguments.out), **run.meta}, [f"{run.title}: saved in {arguments.out}"])
    return 0


def _search(arguments: argparse.Namespace) -> int:
    from fairdash import data
    from fairdash.groups import form_all
    from fairdash.schema import GroupSpec
    from fairdash.stages import fit
    from fairdash.stages.search import search
    from fairdash.workspace import write_json

    dataset, _ = _read_dataset(arguments)
    split = data.split.split(dataset, arguments.split, seed=arguments.seed)
    groups = [_group(text, arguments) for text in arguments.group]
    options = _options(arguments.set)
    found = search(
        arguments.recommender,
        fit.with_profile(split.training, arguments.recommender, options),
        objective=arguments.objective,
        groups=form_all([GroupSpec.crossed(groups)], dataset.users)[0] if groups else None,
        min_size=arguments.min_group_size,
        fixed=options,
        trials=arguments.trials,
        seed=arguments.seed,
        device=arguments.device,
        folder=arguments.out,
        progress=_progress,
    )
    write_json(arguments.out / "search.json", found.to_json())
    lines = [
        f"trial {trial.number}: NDCG@10 {trial.accuracy:.4f}"
        + ("" if trial.gap is None else f", gap {trial.gap:.4f}")
        + "".join(f" --set {name}={value}" for name, value in trial.options.items())
        for trial in (found.trials[number] for number in found.chosen)
    ]
    _say(arguments, found.to_json(), ["On validation, the best:", *lines])
    return 0


def _recommend(arguments: argparse.Namespace) -> int:
    from fairdash.run import Run, write_lists
    from fairdash.stages import recommend

    run = Run.load(arguments.run)
    lists = recommend.recommend(run, arguments.k)
    write_lists(run, lists, arguments.out, scores=arguments.scores)
    _say(arguments, {"k": arguments.k, "out": str(arguments.out)}, [f"{arguments.k} items a person in {arguments.out}"])
    return 0


def _writable(path: Path | None) -> None:
    """Before hours are spent on what could not be kept."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise ConfigError(
            f"{path} cannot be written: {'it is a folder' if path.is_dir() else 'its folder does not exist'}.",
            "Name a file in a folder that exists.",
        )


def _audit(arguments: argparse.Namespace) -> int:
    from fairdash.metrics import files, gate
    from fairdash.run import Run, read_lists
    from fairdash.stages import audit, recommend
    from fairdash.workspace import write_json

    shared = _statistics(arguments)
    _writable(arguments.out)
    if arguments.run is not None:
        unused = [name for name in ("truth", "train", "users", "items") if getattr(arguments, name) is not None]
        if unused:
            raise ConfigError(
                f"--run brings its own tables, so --{unused[0]} has no use.", f"Leave out --run or --{unused[0]}."
            )
        run = Run.load(arguments.run)
        lists = (
            recommend.recommend(run, arguments.k)
            if arguments.recommendations is None
            else read_lists(run, arguments.recommendations)
        )
        found = audit.audit(
            run,
            lists,
            relevance_threshold=arguments.relevance_threshold,
            model=arguments.recommendations is None,
            progress=_progress,
            **shared,
        )
    else:
        missing = [name for name in ("recommendations", "truth", "users") if getattr(arguments, name) is None]
        if missing:
            raise ConfigError(
                f"audit needs --{missing[0]}.",
                "Give --recommendations, --truth and --users as files, or --run with the folder of a training.",
            )
        found = files.from_files(
            arguments.recommendations,
            arguments.truth,
            arguments.users,
            train=arguments.train or (),
            items=arguments.items,
            relevance_threshold=arguments.relevance_threshold,
            **shared,
        )
    value = found.to_json()
    if arguments.out is not None:
        write_json(arguments.out, value)
    broken = gate.gate(found, arguments.fail_over)
    _say(arguments, value, [*found.summary(), *(f"gate failed: {line}" for line in broken)])
    for line in broken if arguments.json else ():
        print(f"gate failed: {line}", file=sys.stderr)
    return EXIT_GATE if broken else 0


def _mitigate(arguments: argparse.Namespace) -> int:
    from fairdash.mitigation.base import Mitigation
    from fairdash.run import Run, write_lists
    from fairdash.stages import mitigate

    run = Run.load(arguments.run)
    strengths = arguments.strength or ["auto"]
    if len(strengths) not in (1, len(arguments.method)):
        raise ConfigError(
            f"{len(arguments.method)} methods were given, but {len(strengths)} strengths.",
            "Give one --strength for all, or one for each --method, in the same order.",
        )
    if len(strengths) == 1:
        strengths = strengths * len(arguments.method)
    steps = [
        Mitigation(
            method,
            groups=tuple(_group(text, arguments) for text in arguments.group),
            item_group=_group(arguments.item_group, arguments) if arguments.item_group else None,
            strength=_strength(strength),
        )
        for method, strength in zip(arguments.method, strengths, strict=True)
    ]
    done = mitigate.mitigate(
        run,
        steps[-1],
        arguments.k,
        first=steps[:-1],
        retrain=lambda spec, steps: _retrain(run, spec, arguments.out.with_suffix(".runs"), steps),
        rule=arguments.rule,
        budget=arguments.budget,
        progress=_progress,
    )
    write_lists(done.run, done.lists, arguments.out, scores=arguments.scores)
    _say(
        arguments,
        {
            "method": steps[-1].method,
            "strength": done.strength,
            "tuning": done.tuning,
            "first": list(done.first),
            "out": str(arguments.out),
        },
        [
            *(f"{step['method']} at strength {step['strength']:g}, then" for step in done.first),
            f"{steps[-1].method} at strength {done.strength:g}: {arguments.k} items a person in {arguments.out}",
        ],
    )
    return 0


def _retrain(run: Run, spec: TrainSpec, folder: Path, steps: Progress) -> Run:
    """The run of a changed spec beside the mitigated lists; one that was trained before is opened."""
    from fairdash.run import Run
    from fairdash.stages import fit

    target = folder / spec.digest(run.split)
    return Run.load(target) if (target / "run.json").exists() else fit.train(run.split, spec, target, steps)


def _compare(arguments: argparse.Namespace) -> int:
    from fairdash.run import Run, read_lists
    from fairdash.stages import audit, compare
    from fairdash.workspace import write_json

    run = Run.load(arguments.run)
    shared = _statistics(arguments)
    before, after = (
        audit.audit(run, read_lists(run, path), model=False, progress=_progress, **shared)
        for path in (arguments.before, arguments.after)
    )
    names = (Path(arguments.before).stem, Path(arguments.after).stem)
    value = compare.compare(before, after, names=names, about=run.meta).to_json()
    write_json(arguments.out, value)
    _say(arguments, value, value["sentences"])
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from fairdash.stages import report

    try:
        value = json.loads(Path(arguments.comparison).read_text())
        page = report.html(value)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{arguments.comparison} is no comparison.", "Give the file that `python -m fairdash compare --out` wrote."
        ) from error
    Path(arguments.out).write_text(page, encoding="utf-8")
    _say(arguments, {"out": str(arguments.out)}, [f"Report in {arguments.out}"])
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from fairdash.jobs import kinds
    from fairdash.workspace import Workspace

    result = kinds.run(Workspace.default(), "demo", {"dataset": arguments.dataset}, _progress)
    told = [f"Planted: {row['planted']} Found: {row['found']}." for row in result["planted"]]
    lines = [f"Comparison {result['comparisons']} in {settings.home()}", *told, *result["sentences"]]
    _say(arguments, result, lines)
    return 0


# --- arguments --------------------------------------------------------------------------------------------------------


def _read_dataset(arguments: argparse.Namespace) -> tuple[Dataset, Sequence[Any]]:
    from fairdash import data

    if (arguments.dataset is None) == (arguments.interactions is None):
        raise ConfigError(
            "Give either --dataset or --interactions.",
            f"Known data sets: {', '.join(data.sources.SOURCES)}.",
        )
    if arguments.dataset is not None:
        of_files = ("users", "items", "name", "repair", "drop_bad_ratings", "k_core")
        roles = tuple(f"{role}_column" for role in ("user", "item", "rating", "time"))
        changed = [name for name in (*of_files, *roles) if getattr(arguments, name)]
        changed += [
            name for name, usual in (("rating_kind", "auto"), ("keep", "last")) if getattr(arguments, name) != usual
        ]
        if changed:
            raise ConfigError(
                f"--{changed[0].replace('_', '-')} is for files, and --dataset brings its own tables.",
                "Leave it out, or give the files with --interactions.",
            )
        if arguments.dataset in data.sources.SOURCES:
            print(data.sources.SOURCES[arguments.dataset].terms, file=sys.stderr)
        dataset = data.sources.load(arguments.dataset, progress=_progress)
        if arguments.relevance_threshold != "auto":
            dataset = replace(dataset, relevance_threshold=arguments.relevance_threshold)
        return dataset, ()
    options = data.ImportOptions(
        user=arguments.user_column,
        item=arguments.item_column,
        rating=arguments.rating_column,
        time=arguments.time_column,
        relevance_threshold=arguments.relevance_threshold,
        rating_kind=arguments.rating_kind,
        dedupe=arguments.keep,
        k_core=arguments.k_core,
        repairs=None if arguments.repair is None else tuple(arguments.repair),
        drop_bad_ratings=arguments.drop_bad_ratings,
        name=arguments.name or "",
    )
    return data.build(arguments.interactions, arguments.users, arguments.items, options=options, progress=_progress)


def _group(text: str, arguments: argparse.Namespace) -> GroupSpec:
    """ "gender", or "gender,age" crossed; edges of numeric ones come from --bins."""
    from fairdash.schema import GroupSpec

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ConfigError(f"“{text}” names no attribute.", "Give a column of the table, such as --group gender.")
    bins = dict(_bins(text) for text in arguments.bins)
    return GroupSpec(names, tuple(bins.get(name) for name in names), arguments.min_group_size)


def _statistics(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keywords of every audit from the options."""
    return {
        "groups": [_group(text, arguments) for text in [*arguments.group, *arguments.cross]],
        "item_groups": [_group(text, arguments) for text in arguments.item_group],
        "k": arguments.k,
        "seed": arguments.seed,
        "replicates": arguments.replicates,
        "permutations": arguments.permutations,
    }


def _bins(text: str) -> tuple[str, tuple[float, ...]]:
    name, _, edges = text.partition("=")
    try:
        return name, tuple(float(edge) for edge in edges.split(","))
    except ValueError as error:
        raise ConfigError(f"--bins {text} holds no numbers.", "Write --bins age=18,25,35,45,56.") from error


def _options(pairs: Sequence[str]) -> dict[str, str]:
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set {pair} has no value.", "Write --set epochs=20.")
        options[name] = value
    return options


def _strength(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"--strength {text} is neither auto nor between 0 and 1.", "Write --strength 0.5 or auto.")
    return value


def _threshold(text: str) -> float | str | None:
    return None if text == "any" else text if text == "auto" else float(text)


def _progress(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
    """One line a message; the curve's points are added to it."""
    global _said
    if not message and not values:
        return
    numbers = " ".join(f"{name} {value:.4g}" for name, value in (values or {}).items())
    line = f"{message} {numbers}".strip()
    if line != _said:
        print(f"{done:6.1%} {line}", file=sys.stderr, flush=True)
        _said = line


_said = ""


def _say(arguments: argparse.Namespace, value: Mapping[str, Any], lines: Sequence[str]) -> None:
    if arguments.json:
        json.dump(value, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
        print()
    else:
        print("\n".join(lines))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fairdash", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: Any, help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        made.set_defaults(command=function)
        made.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
        return made

    def add_data(made: argparse.ArgumentParser) -> None:
        made.add_argument("--dataset", help="a data set of the catalogue instead of files")
        made.add_argument("--interactions", help="CSV, TSV, `::` or `|` text, Parquet, or a zip")
        made.add_argument("--users", help="people and their attributes")
        made.add_argument("--items", help="items: title, categories, attributes")
        for role in ("user", "item", "rating", "time"):
            made.add_argument(f"--{role}-column", help=f"the interactions' column of that role ({role}); else guessed")
        made.add_argument(
            "--relevance-threshold",
            type=_threshold,
            default="auto",
            help="liked from this rating on; any: every interaction; else decided from the ratings",
        )
        made.add_argument("--rating-kind", choices=("auto", "rating", "count", "none"), default="auto")
        made.add_argument("--name", help="of the data set; else that of the file")
        made.add_argument(
            "--repair", action="append", help="repairs to do instead of the usual ones; `data` lists them"
        )
        made.add_argument("--drop-bad-ratings", action="store_true", help="leave out rows whose rating is no number")
        made.add_argument("--keep", choices=("last", "best"), default="last", help="which of duplicate rows stays")
        made.add_argument("--k-core", type=int, default=0, help="drop people and items with fewer interactions")

    def add_groups(made: argparse.ArgumentParser, more: str = "") -> None:
        group_help = "attribute of people, several crossed as gender,age; may be repeated" + more
        made.add_argument("--group", action="append", default=[], help=group_help)
        made.add_argument("--bins", action="append", default=[], help="edges of a numeric attribute: age=18,25,35")
        made.add_argument("--min-group-size", type=int, default=settings.MIN_GROUP_SIZE)

    def add_statistics(made: argparse.ArgumentParser) -> None:
        made.add_argument("--cross", action="append", default=[], help="attributes crossed: gender,age_band")
        made.add_argument("--item-group", action="append", default=[], help="attribute of items, or popularity")
        made.add_argument("--k", type=int, default=settings.K)
        made.add_argument("--seed", type=int, default=0)
        made.add_argument("--replicates", type=int, default=settings.BOOTSTRAP, help="bootstrap replicates")
        made.add_argument("--permutations", type=int, default=settings.PERMUTATIONS)

    made = command("data", _data, "read, check and clean; say what was found")
    add_data(made)
    made.add_argument("--out", type=Path, help="folder for the checked data set")

    made = command("train", _train, "split, train and rank: a run folder")
    add_data(made)
    made.add_argument(
        "--split", default="leave-one-out", help="leave-one-out, user-time:0.8, user-random:0.8, global-time:DATE"
    )
    made.add_argument("--recommender", default="bert_sequence")
    made.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an option of the recommender")
    made.add_argument("--mitigation", help="a method of the places data or training")
    made.add_argument("--strength", default="1", help="of the mitigation, 0 to 1")
    add_groups(made)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    made.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run's folder")

    made = command("search", _search, "try options of a recommender on validation: for accuracy, a small gap, or both")
    add_data(made)
    made.add_argument("--split", default="leave-one-out")
    made.add_argument("--recommender", default="bert_sequence")
    made.add_argument("--objective", default="accuracy", choices=("accuracy", "gap", "both"))
    made.add_argument("--trials", type=int, default=12)
    made.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an option that all trials share"
    )
    add_groups(made, ": several are crossed")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    made.add_argument("--out", type=Path, required=True, help="folder; a search that was stopped there goes on")

    made = command("recommend", _recommend, "write a run's top-k lists")
    made.add_argument("--run", type=Path, required=True)
    made.add_argument("--k", type=int, default=settings.K)
    made.add_argument("--scores", action="store_true", help="with the score of each item")
    made.add_argument("--out", type=Path, required=True)

    made = command("audit", _audit, "audit lists of any system, or of a run")
    made.add_argument("--run", type=Path, help="a run folder: its tables, and its model's own audit")
    made.add_argument("--recommendations", help="user_id, item_id, rank and/or score")
    made.add_argument("--truth", help="user_id, item_id[, rating][, prediction]: what was held out")
    made.add_argument("--train", nargs="+", help="user_id, item_id: what was known (one or several files)")
    made.add_argument("--users")
    made.add_argument("--items")
    made.add_argument("--relevance-threshold", type=float, help="liked from this rating on; else from 4 of 5 stars")
    add_groups(made)
    add_statistics(made)
    made.add_argument("--fail-over", action="append", default=[], metavar="GATE", help="gender.ndcg.gap=0.02")
    made.add_argument("--out", type=Path, help="audit.json")

    made = command("mitigate", _mitigate, "apply a mitigation to a run")
    made.add_argument("--run", type=Path, required=True)
    made.add_argument("--method", required=True, action="append", help="may be repeated: applied in that order")
    add_groups(made, ": re-rankers balance the crossing of several, other methods each of them")
    made.add_argument("--item-group", help="attribute of items, or popularity")
    made.add_argument("--strength", action="append", help="0 to 1, or auto (default): chosen on validation")
    made.add_argument("--rule", default="accuracy-budget", help="how auto chooses: accuracy-budget, gap-budget or knee")
    made.add_argument(
        "--budget",
        type=float,
        help="accuracy-budget: part of NDCG that may be lost (0.05); gap-budget: bound on the target",
    )
    made.add_argument("--k", type=int, default=settings.K)
    made.add_argument("--scores", action="store_true")
    made.add_argument("--out", type=Path, required=True)

    made = command("compare", _compare, "before and after, on the same people and replicates")
    made.add_argument("--run", type=Path, required=True)
    made.add_argument("--before", type=Path, required=True)
    made.add_argument("--after", type=Path, required=True)
    add_groups(made)
    add_statistics(made)
    made.add_argument("--out", type=Path, required=True)

    made = command("report", _report, "a comparison as one HTML page")
    made.add_argument("--comparison", type=Path, required=True)
    made.add_argument("--out", type=Path, required=True)

    made = command("demo", _demo, "fill the workspace from nothing to a finished comparison")
    made.add_argument("--dataset", default="synthetic")
    return parser
