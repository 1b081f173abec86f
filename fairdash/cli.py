"""`python -m fairdash`: the pipeline without a browser. The pages call the same stages.

Progress goes to stderr; results go to files and, with --json, to stdout. Exit codes: 0 done, 1 an error that nobody
foresaw (its trace is in the workspace's logs), 2 a person's error (with its hint), 3 a failed fairness gate.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from fairdash import __version__, documents, log, settings, trail, words
from fairdash.answers import ANSWERS, Command
from fairdash.errors import ConfigError, DataError, FairDashError, full

if TYPE_CHECKING:
    from fairdash.data import Finding, ImportOptions
    from fairdash.data.table import Table
    from fairdash.engines import Engine
    from fairdash.mitigation.base import Mitigation
    from fairdash.progress import Progress
    from fairdash.run import Run
    from fairdash.schema import Dataset, GroupSpec, Lists, Split
    from fairdash.stages.compare import Made
    from fairdash.stages.fit import TrainSpec
    from fairdash.stages.mitigate import Mitigated
    from fairdash.workspace import Workspace

EXIT_UNFORESEEN, EXIT_ERROR, EXIT_GATE = 1, 2, 3
_ABOUT = words.later(
    "The pipeline without a browser. Progress goes to stderr, results go to files and, with --json, to stdout. Exit "
    "codes: 0 done, 1 an error that nobody foresaw (its trace is in the workspace's logs), 2 an error of the input "
    "(with its hint), 3 a failed fairness gate."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):  # titles and conventions hold letters that some locales lack
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    given = sys.argv[1:] if argv is None else argv
    with words.speaking(_language(given)), trail.acting("command line"):
        return _run(given)


def _language(argv: Sequence[str]) -> str:
    """The language that is asked for, before the options are looked at: what is wrong with them is said in it, too."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--lang", nargs="?")
    return words.nearest(parser.parse_known_args(argv)[0].lang) or words.ENGLISH


def _run(argv: Sequence[str]) -> int:
    try:
        _readable(argv)
        arguments = _parser().parse_args(argv)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of numpy: what it means for a value is said beside that
            return int(arguments.command(arguments))
    except FairDashError as error:
        _print(words.say("error: {message}", message=f"{error.message}\n{error.hint}".rstrip()), sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        told = words.say("stopped; a training goes on from its last checkpoint when the command is given again")
        print(told, file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of stdout went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where, hint = error.filename or words.say("a file"), words.say("Check the path.")
        if full(error):
            hint = words.say("Make room, or choose another place.")
        _print(words.say("error: {message}", message=f"{where}: {error.strerror}.\n{hint}"), sys.stderr)
        return EXIT_ERROR
    except Exception as error:  # the last line of defence: a sentence for the person, the trace under a number
        number = log.fault(error, "command")
        told = words.say(
            "error: it stopped on an unexpected error (number {number}).\nThe details are in {log}; nothing that was "
            "stored is lost.",
            number=number,
            log=settings.home() / log.FILE,
        )
        print(told, file=sys.stderr)
        return EXIT_UNFORESEEN


def _readable(argv: Sequence[str]) -> None:
    """Raises ConfigError for what is no text, or names no file: nothing after it need think of that."""
    for text in argv:
        if "\0" in text or (not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text)):
            raise ConfigError(
                words.say("{text} is no text that can be read: it holds a NUL, or is not UTF-8.", text=ascii(text)),
                words.say("Write it again; a file under such a name has to be renamed first."),
            )


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
            words.say(
                "{name}: {sizes}",
                name=dataset.name,
                sizes=words.sizes(dataset.n_users, dataset.n_items, len(dataset.interactions)),
            ),
            *map(_found, findings),
        ],
    )
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from fairdash.mitigation.base import Mitigation
    from fairdash.recommenders import DEFAULT
    from fairdash.stages import fit

    if arguments.strength == "auto":
        raise ConfigError(
            "train has one strength, and --strength auto tries several.",
            "Give a number, such as --strength 0.5; or train without, and let `mitigate --strength auto` find one.",
        )
    engine = _engine(arguments)  # a wrong address is said before the data are read
    dataset, findings = _read_dataset(arguments)
    _tell(findings)
    split = _cut(arguments, dataset)
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
    options, recommender = _options(arguments.set), arguments.recommender or DEFAULT
    spec = fit.TrainSpec(recommender, options, chosen, arguments.seed, arguments.device, arguments.workers)
    if arguments.start is not None:
        spec = _after(arguments, spec)
    run = fit.train(split, spec, arguments.out, _progress, engine)
    _say(
        arguments,
        {"run": str(arguments.out), **run.meta},
        [words.say("{title}: saved in {out}", title=run.title, out=arguments.out)],
    )
    return 0


def _after(arguments: argparse.Namespace, given: TrainSpec) -> TrainSpec:
    """What --start's run was trained with and begins with its weights, and over that what is given."""
    from fairdash.recommenders import going_on
    from fairdash.run import Run
    from fairdash.stages.fit import TrainSpec

    spec = TrainSpec.after(Run.load(arguments.start))
    if arguments.recommender not in (None, spec.recommender):
        raise ConfigError(
            words.say("{run} is a {name}, which no {other} can go on from.", run=arguments.start, name=spec.recommender,
                      other=arguments.recommender),
            words.say("Leave out --recommender, or --start."),
        )  # fmt: skip
    if going_on(spec.recommender) is None:
        _progress(0.0, words.say("{name} begins each training from nothing; what --start names is trained again",
                                 name=spec.recommender))  # fmt: skip
    return replace(
        given,
        recommender=spec.recommender,
        options={**spec.options, **given.options},
        mitigations=given.mitigations or spec.mitigations,
    )


def _cut(arguments: argparse.Namespace, dataset: Dataset) -> Split:
    """The data cut as it was asked for, or as usual, which is said where it is by chance."""
    from fairdash.data.split import split, usual

    asked = arguments.split or usual(dataset)
    if not arguments.split and asked.startswith("user-random"):
        told = words.later(
            "The data have no times, so what is held out of each person is drawn by chance (--split {split})."
        )
        _progress(0.0, words.say(told, split=asked))
    return split(dataset, asked, seed=arguments.seed)


def _search(arguments: argparse.Namespace) -> int:
    from fairdash.groups import form_all
    from fairdash.recommenders import DEFAULT
    from fairdash.schema import GroupSpec
    from fairdash.stages import fit
    from fairdash.stages.search import search
    from fairdash.workspace import write_json

    engine = _engine(arguments)
    dataset, _ = _read_dataset(arguments)
    split = _cut(arguments, dataset)
    groups = [_group(text, arguments) for text in arguments.group]
    options, recommender = _options(arguments.set), arguments.recommender or DEFAULT
    found = search(
        recommender,
        fit.with_profile(split.training, recommender, options),
        objective=arguments.objective,
        groups=form_all([GroupSpec.crossed(groups)], dataset.users)[0] if groups else None,
        min_size=arguments.min_group_size,
        fixed=options,
        trials=arguments.trials,
        seed=arguments.seed,
        device=arguments.device,
        folder=arguments.out,
        engine=engine,
        progress=_progress,
    )
    write_json(arguments.out / "search.json", found.to_json())
    lines = [words.say("On validation, the best:")]
    for trial in (found.trials[number] for number in found.chosen):
        told = words.say("trial {number}: NDCG@10 {ndcg}", number=trial.number, ndcg=words.number(trial.accuracy, 4))
        if trial.gap is not None:
            told = words.say("{told}, gap {gap}", told=told, gap=words.number(trial.gap, 4))
        lines.append(told + "".join(f" --set {name}={value}" for name, value in trial.options.items()))
    _say(arguments, found.to_json(), lines)
    return 0


def _recommend(arguments: argparse.Namespace) -> int:
    from fairdash.run import Run, write_lists
    from fairdash.stages import recommend

    engine = _engine(arguments)
    run = Run.load(arguments.run)
    if engine is None and arguments.k <= run.candidates().k:
        lists = recommend.recommend(run, arguments.k)
    else:
        lists = recommend.anew(run, arguments.k, engine, _progress)
    write_lists(run, lists, arguments.out, scores=arguments.scores)
    told = words.say("{n} item a person in {out}", "{n} items a person in {out}", n=arguments.k, out=arguments.out)
    _say(arguments, {"k": arguments.k, "out": str(arguments.out)}, [told])
    return 0


def _writable(path: Path | None) -> None:
    """Before hours are spent on what could not be kept."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        hint = "Name a file in a folder that exists."
        if path.is_dir():
            raise ConfigError(words.say("{path} cannot be written: it is a folder.", path=path), hint)
        raise ConfigError(words.say("{path} cannot be written: its folder does not exist.", path=path), hint)


def _audit(arguments: argparse.Namespace) -> int:
    from fairdash.metrics import files, gate
    from fairdash.metrics.audit import cuts
    from fairdash.metrics.systems import Series, Systems
    from fairdash.metrics.value import Audit
    from fairdash.run import Run
    from fairdash.stages import audit, recommend
    from fairdash.workspace import write_json

    shared = _statistics(arguments)
    ks = cuts(shared.pop("k"))
    _writable(arguments.out)
    if arguments.run is not None:
        _of_run_alone(arguments)
        if arguments.engine != "local" or arguments.address is not None:
            raise ConfigError(
                words.say("An engine is for lists in Parquet, which many can read at once."),
                words.say("Leave out --run or --{unused}.", unused="engine"),
            )
        run = Run.load(arguments.run)
        given = arguments.recommendations or []
        if arguments.window is not None:
            raise _cut_of_run("--window")
        if len(given) > 1:
            raise ConfigError(
                words.say("--run is audited with one file of lists, not {n}.", n=len(given)), "Leave out --run."
            )
        heard: list[Finding] = []
        lists = _read_lists(arguments, run, given[0], heard) if given else None
        _save_mapping(arguments, _import_options(arguments), heard)
        threshold = _answers(arguments).get("relevance_threshold", "auto")
        spec = audit.AuditSpec(**shared, relevance_threshold=threshold, model=arguments.recommendations is None)
        by_k = {
            str(k): audit.audit(
                run, recommend.recommend(run, k) if lists is None else lists, replace(spec, k=k), progress=_progress
            )
            for k in ks
        }
        found: Audit | Systems | Series = Series("k", by_k) if len(ks) > 1 else by_k[str(ks[0])]
    else:
        if arguments.recommendations is None:
            raise ConfigError(
                "audit needs --recommendations.",
                "Give it, and --truth for accuracy, as files, or --run with the folder of a training.",
            )
        options = _import_options(arguments)
        several = len(arguments.recommendations) > 1
        audits = files.audits(
            arguments.recommendations if several else arguments.recommendations[0],
            arguments.truth,
            arguments.users,
            train=arguments.train,
            items=arguments.items,
            options=options,
            accept_guesses=arguments.accept_guesses,
            k=ks if len(ks) > 1 else ks[0],
            window=arguments.window,
            engine=_engine(arguments),
            **shared,
        )
        leaves = list(audits.leaves.values())
        found = audits if len(leaves) > 1 or arguments.window is not None else leaves[0]
        _save_mapping(arguments, options, leaves[0].findings)
    value = found.to_json()
    if arguments.out is not None:
        write_json(arguments.out, value)
    broken = []
    for name, one in ({"": found} if isinstance(found, Audit) else found.leaves).items():
        broken += [f"{name}: {line}" if name else line for line in gate.gate(one, arguments.fail_over)]
    _say(arguments, value, [*found.summary(), *map(_failed, broken)])
    for line in broken if arguments.json else ():
        _print(_failed(line), sys.stderr)
    return EXIT_GATE if broken else 0


def _engine(arguments: argparse.Namespace) -> Engine | None:
    """Where it was asked to run; None is this machine."""
    from fairdash.engines.choice import engine

    return engine(arguments.engine, arguments.address)


def _of_run_alone(arguments: argparse.Namespace) -> None:
    """ConfigError for tables, and for a time, that --run leaves no use for."""
    unused = [name for name in ("truth", "train", "users", "items") if getattr(arguments, name) is not None]
    if unused:
        raise ConfigError(
            words.say("--run brings its own tables, so --{unused} has no use.", unused=unused[0]),
            words.say("Leave out --run or --{unused}.", unused=unused[0]),
        )
    for key in ("start", "end"):
        if key in _answers(arguments):
            raise _cut_of_run(ANSWERS[key].option)


def _cut_of_run(option: str) -> ConfigError:
    hint = "Give the lists and truth.csv of the run's folder as --recommendations and --truth."
    return ConfigError(words.say("{timed} cuts held-out rows of files, not those of --run.", timed=option), hint)


def _events(arguments: argparse.Namespace) -> int:
    from fairdash.events.log import EventLog, read_lines

    log = EventLog(arguments.log, arguments.lateness)
    accepted = repeated = late = 0
    refused: list[str] = []
    for first, batch in read_lines(arguments.add):
        done = log.append(batch)
        accepted, repeated, late = accepted + done.accepted, repeated + done.repeated, late + done.late
        refused += [words.say("line {line}: {reason}", line=first + one.index, reason=one.reason)
                    for one in done.refused]  # fmt: skip
    counted = {"accepted": accepted, "repeated": repeated, "late": late, "refused": len(refused)}
    for line in refused[:20]:
        _print(line, sys.stderr)
    told = words.say(
        "{n} event added; already there: {repeated}, too late for their window: {late}, kept aside as malformed: "
        "{refused}.",
        "{n} events added; already there: {repeated}, too late for their window: {late}, kept aside as malformed: "
        "{refused}.",
        n=accepted, repeated=repeated, late=late, refused=len(refused),
    )  # fmt: skip
    _say(arguments, counted, [told])
    return 0


def _learn(arguments: argparse.Namespace) -> int:
    from fairdash import data
    from fairdash.events.learned import thumbs
    from fairdash.events.log import EventLog
    from fairdash.groups import form
    from fairdash.stages import feedback

    dataset, _ = _read_dataset(arguments)
    split = _cut(arguments, dataset)
    given = thumbs(EventLog(arguments.log), arguments.taken)
    version = feedback.version(dataset, split, given, words.say("{name} with feedback", name=dataset.name))
    data.save(version, arguments.out)
    about, skewed = version.provenance[feedback.FEEDBACK], {}
    lines = [
        words.say(
            "{n} thing that people took or refused is learned; known already, held out, or of nobody known: "
            "{left_out}. Saved in {out}",
            "{n} things that people took or refused are learned; known already, held out, or of nobody known: "
            "{left_out}. Saved in {out}",
            n=about["thumbs"], left_out=about["left_out"], out=str(arguments.out),
        )
    ]  # fmt: skip
    for text in arguments.group:
        spec = _group(text, arguments)
        _, gave, up = feedback.skew(dataset, given, form(spec, split.training.people), spec.min_size)
        skewed[spec.label] = {name: None if math.isnan(p) else p for name, p in (("gave", gave), ("up", up))}
        lines.append(words.say("{attribute}, whether groups give as much feedback: {gave}; whether it is as positive: "
                               "{up}.", attribute=spec.label, gave=words.p_value(gave), up=words.p_value(up),
                               ))  # fmt: skip
    _say(arguments, {**about, "skew_p_values": skewed, "out": str(arguments.out)}, lines)
    return 0


def _watch(arguments: argparse.Namespace) -> int:
    from fairdash.events import live, sources, watch
    from fairdash.events.sums import Census
    from fairdash.run import Run

    _writable(arguments.out)
    groups, item_groups = ([_group(text, arguments) for text in some] for some in
                           (arguments.group, arguments.item_group))  # fmt: skip
    data = Run.load(arguments.run).split.training if arguments.run is not None else _read_dataset(arguments)[0]
    rules = watch.Rules(
        None if arguments.number is not None else arguments.seconds,
        arguments.number,
        arguments.feedback_within,
        tuple(arguments.taken),
        arguments.reference,
        arguments.level,
    )
    census = Census.of(data, groups, item_groups, arguments.k)
    with sources.opened(arguments.events, arguments.state) as (log, state):
        found, broken = live.follow(
            watch.Watch(census, log, state, rules),
            every=None if arguments.once else arguments.every,
            fail_over=arguments.fail_over,
            out=arguments.out,
            address=arguments.hook,
            progress=_progress,
        )
    _say(arguments, found.to_json(), [*found.summary(), *map(_failed, broken)])
    return EXIT_GATE if broken else 0


def _mitigate(arguments: argparse.Namespace) -> int:
    from fairdash.mitigation.base import Mitigation
    from fairdash.run import Run, write_lists
    from fairdash.stages import mitigate

    run = Run.load(arguments.run)
    strengths = arguments.strength or ["auto"]
    if len(strengths) not in (1, len(arguments.method)):
        raise ConfigError(
            words.say(
                "{n} method was given, but {strengths}.",
                "{n} methods were given, but {strengths}.",
                n=len(arguments.method),
                strengths=words.count(len(strengths), "strength"),
            ),
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
    _write_how(done, arguments.out)
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
            *(
                words.say(
                    "{method} at strength {strength}, then", method=one["method"], strength=words.brief(one["strength"])
                )
                for one in done.first
            ),
            words.say(
                "{method} at strength {strength}: {n} item a person in {out}",
                "{method} at strength {strength}: {n} items a person in {out}",
                method=steps[-1].method,
                strength=words.brief(done.strength),
                n=arguments.k,
                out=arguments.out,
            ),
        ],
    )
    return 0


def _retrain(run: Run, spec: TrainSpec, folder: Path, steps: Progress) -> Run:
    """The run of a changed spec beside the mitigated lists; one that was trained before is opened."""
    from fairdash.run import Run
    from fairdash.stages import fit

    target = folder / spec.digest(run.split)
    return Run.load(target) if (target / "run.json").exists() else fit.train(run.split, spec, target, steps)


def _beside(lists: Path) -> tuple[Path, Path]:
    """Where it is kept how lists came to be, and the user vectors behind them."""
    return lists.with_name(f"{lists.name}.mitigation.json"), lists.with_name(f"{lists.name}.vectors.safetensors")


def _write_how(done: Mitigated, out: Path) -> None:
    """Beside mitigated lists, what a comparison must know of them; paths are relative, so that the folder can move."""
    from fairdash.run import write_arrays
    from fairdash.workspace import write_json

    how, vectors = _beside(out)
    folder = os.path.relpath(done.run.folder, out.parent)
    write_json(how, {**done.how(), "run": folder, "lists": hashlib.sha256(out.read_bytes()).hexdigest()})
    vectors.unlink(missing_ok=True)  # of what stood here before
    if done.vectors is not None:
        write_arrays(vectors, {"vectors": done.vectors})


def _made(arguments: argparse.Namespace, run: Run, file: Path, table: Table, heard: list[Finding]) -> Made:
    """Lists of a file, with how they came to be: as `mitigate` left it beside them, or as the run's own lists."""
    from fairdash.mitigation.base import Mitigation
    from fairdash.run import Run, read_arrays
    from fairdash.stages.compare import Made

    beside, vectors = _beside(file)
    if beside.exists():
        try:
            how = documents.read(beside)
            folder, written, title = file.parent / how["run"], how["lists"], str(how["title"])
            Mitigation.from_json(how["mitigation"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                words.say("{beside} does not say how {name} came to be.", beside=beside, name=file.name),
                "Make the lists again with `mitigate`, or remove that file.",
            ) from error
        if written == hashlib.sha256(file.read_bytes()).hexdigest():
            own = Run.load(folder)
            moved = read_arrays(vectors, ("vectors",))["vectors"] if vectors.exists() else None
            return Made(title, own, _read_lists(arguments, own, table, heard), how, moved)
        told = words.say(
            "{beside} is of other lists than {file} holds now, so it is passed over", beside=beside, file=file
        )
        _print(told, sys.stderr)
    return Made.of_run(run, _read_lists(arguments, run, table, heard), file.stem)


def _compare(arguments: argparse.Namespace) -> int:
    from fairdash.data.brought import bring, entered, must_have
    from fairdash.run import Run
    from fairdash.schema import RANK
    from fairdash.stages import compare
    from fairdash.stages.audit import AuditSpec
    from fairdash.workspace import write_json

    _writable(arguments.out)
    options = _import_options(arguments)
    heard: list[Finding] = []
    spec = AuditSpec(**_statistics(arguments), model=arguments.model)
    if arguments.run is not None:
        _of_run_alone(arguments)
        run = Run.load(arguments.run)
        sides = (arguments.before, arguments.after)
        read = [entered(lists, "recommendations", options, heard, RANK) for lists in sides]
        must_have(options, read)
        before, after = (_made(arguments, run, *side, heard) for side in zip(sides, read, strict=True))
        spec = replace(spec, relevance_threshold=_answers(arguments).get("relevance_threshold", "auto"))
        value = compare.compare(before, after, spec, _progress).to_json()
    elif arguments.model:
        raise ConfigError(
            words.say("--model is of a trained recommender, and lists of files have none."),
            words.say("Name the folder of its training with --run, or leave out --model."),
        )
    else:
        tables = bring(
            [str(arguments.before), str(arguments.after)],
            arguments.truth,
            arguments.users,
            arguments.train,
            arguments.items,
            options=options,
            accept_guesses=arguments.accept_guesses,
        )
        heard += tables.findings
        _tell(heard)
        value = compare.of_tables(tables, spec, _progress).to_json()
    _save_mapping(arguments, options, heard)
    write_json(arguments.out, value)
    _say(arguments, value, [words.again(one, value.get("said")) for one in value["sentences"]])
    return 0


def _read_lists(arguments: argparse.Namespace, run: Run, lists: str | Table, heard: list[Finding]) -> Lists:
    """Lists of a file, after saying what was found in it."""
    from fairdash.run import read_lists

    options = _import_options(arguments)
    found, findings = read_lists(run, lists, options, accept_guesses=arguments.accept_guesses)
    _tell(findings)
    heard += findings
    return found


def _tell(findings: Sequence[Finding]) -> None:
    for finding in findings:
        _progress(0.0, _found(finding))


def _report(arguments: argparse.Namespace) -> int:

    from fairdash import report
    from fairdash.report import known
    from fairdash.run import Run

    kind = "comparison" if arguments.audit is None else "audit"
    source = arguments.comparison if arguments.audit is None else arguments.audit
    _writable(arguments.out)
    suffix = (arguments.format or arguments.out.suffix.lstrip(".")).lower()
    if suffix not in report.FORMATS:
        raise ConfigError(
            words.say("{out} ends in no format of a report.", out=arguments.out),
            words.say("End it in .{names}, or give --format.", names=", .".join(report.FORMATS)),
        )
    run = None if arguments.run is None else Run.load(arguments.run)
    try:
        value = documents.read(source)
        about = known.of_file(kind, value, run)
        made = report.KINDS[kind](value, about, datetime.now(UTC), frames=arguments.frames)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            words.say("{source} is no {kind}.", source=source, kind=kind),
            words.say("Give the file that `python -m fairdash {makes} --out` wrote.", makes=_MAKES[kind]),
        ) from error
    arguments.out.write_text(report.FORMATS[suffix].write(made), encoding="utf-8")
    _say(arguments, {"out": str(arguments.out)}, [words.say("Report in {out}", out=arguments.out)])
    return 0


_MAKES = {"audit": "audit", "comparison": "compare"}


def _export(arguments: argparse.Namespace) -> int:
    from fairdash.export import export
    from fairdash.run import Run

    export(Run.load(arguments.run), arguments.out, _progress)
    home = _home(arguments.run)
    if home is not None:
        trail.note(home, "export", runs=arguments.run.resolve().name)
    said = words.say("A folder that answers by itself: {out}", out=str(arguments.out))
    _say(arguments, {"out": str(arguments.out)}, [said])
    return 0


def _home(run: Path) -> Workspace | None:
    """The workspace, where this is the folder of one of its runs."""
    from fairdash.workspace import Workspace

    home = Workspace(settings.home())
    return home if run.resolve().parent == home.root.resolve() / "runs" else None


def _release(arguments: argparse.Namespace) -> int:
    from fairdash import budget, entries
    from fairdash.run import Run
    from fairdash.stages import people, recommend, release
    from fairdash.workspace import write_json

    _writable(arguments.out)
    run, spec = Run.load(arguments.run), _group(arguments.group, arguments)
    folder, home = arguments.run.resolve(), _home(arguments.run)
    file = folder / budget.FILE
    if home is not None:  # there the data's own budget counts
        file = entries.ledger(home, str(home.get("runs", folder.name).meta.get("dataset") or ""))
    lists = recommend.recommend(run, arguments.k)
    who = people.by_attribute(people.gather(run.split, lists, arguments.k), run.split, spec)
    made = release.paid(file, who, arguments.metric, arguments.epsilon)
    value = {**made, "spent": budget.spent(file), "budget": settings.PRIVACY_BUDGET}
    if home is not None:
        trail.note(home, "release", runs=folder.name, metric=arguments.metric, epsilon=arguments.epsilon)
    if arguments.out is not None:
        write_json(arguments.out, value)
    lines = []
    for row in made["groups"]:
        mean = words.say("the noise hides its mean")
        if row["value"] is not None:
            low, high = row["value_ci"]
            mean = f"{words.number(row['value'])} ({words.interval(low, high)})"
        lines.append(words.say(
            "{group}: {n} person ({ends}); {mean}",
            "{group}: {n} people ({ends}); {mean}", group=row["group"], n=round(row["n"]), mean=mean,
                               ends=words.interval(row["n_ci"][0], row["n_ci"][1], 0)))  # fmt: skip
    told = words.say("{spent} of ε = {whole} are spent on this data set.", spent=words.brief(value["spent"]),
                     whole=settings.PRIVACY_BUDGET)  # fmt: skip
    _say(arguments, value, [*lines, told])
    return 0


def _trail(arguments: argparse.Namespace) -> int:
    from fairdash.workspace import Workspace

    deeds = trail.read(Workspace.default())
    if arguments.sealed is not None and arguments.sealed not in [deed.seal for deed in deeds]:
        raise DataError(
            words.say("There is no deed with that seal."), "The whole trail was replaced since the seal was noted."
        )
    lines = [
        f"{datetime.fromtimestamp(deed.at, UTC):%Y-%m-%dT%H:%M:%SZ} {deed.who}: {deed.what} "
        + " ".join(
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in deed.of.items()
        )
        for deed in deeds
    ]
    if deeds:
        lines.append(words.say("{n} deed; the latest is sealed {seal}", "{n} deeds; the latest is sealed {seal}",
                               n=len(deeds), seal=deeds[-1].seal))  # fmt: skip
    _say(arguments, {"deeds": [asdict(deed) for deed in deeds]}, lines)
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from fairdash.api import app, document

    def ready(address: str) -> None:
        where = f"{address}{document.PATH}"
        _say(arguments, {"address": address}, [words.say("The API is at {address}.", address=where)])
        sys.stdout.flush()

    app.serve(arguments.run, arguments.host, arguments.port, ready)
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from fairdash.jobs import kinds
    from fairdash.workspace import Workspace

    result = kinds.run(Workspace.default(), "demo", {"dataset": arguments.dataset}, _progress)
    told = [words.say("Planted: {planted} Found: {found}.", **row) for row in result["planted"]]
    made = words.say("Comparison {comparison} in {home}", comparison=result["comparisons"], home=settings.home())
    lines = [made, *told, *(words.again(one, result.get("said")) for one in result["sentences"])]
    _say(arguments, result, lines)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from fairdash import doctor
    from fairdash.workspace import Workspace

    home = Workspace(settings.home())
    each = [(one, ill) for one in home.all() for ill in doctor.examine(one)]  # where people sign in, of them all
    found = [ill for _, ill in each]
    moved = [doctor.set_aside(one, ill) if arguments.repair else None for one, ill in each]
    lines = [
        ill.said if to is None else words.say("{said} It was set aside as {place}.", said=ill.said, place=str(to))
        for ill, to in zip(found, moved, strict=True)
    ]
    left = [ill for ill, to in zip(found, moved, strict=True) if to is None and not ill.over]
    if any(ill.place is not None for ill in left):
        lines.append(words.say("`python -m fairdash doctor --repair` sets aside what is damaged; nothing is deleted."))
    _say(arguments, {"root": str(home.root), "wrong": lines}, lines or [words.say("The workspace is sound.")])
    return EXIT_ERROR if left else 0


# --- arguments --------------------------------------------------------------------------------------------------------


def _read_dataset(arguments: argparse.Namespace) -> tuple[Dataset, Sequence[Any]]:
    from fairdash import data

    if (arguments.dataset is None) == (arguments.interactions is None):
        raise ConfigError(
            "Give either --dataset or --interactions.",
            words.say("Known data sets: {names}.", names=", ".join(data.sources.SOURCES)),
        )
    if arguments.dataset is not None:
        of_files = (
            "users",
            "items",
            "valid",
            "test",
            "user_vectors",
            "item_vectors",
            "item_images",
            "mapping",
            "save_mapping",
        )
        changed = [f"--{name}" for name in of_files if getattr(arguments, name)]
        changed += [ANSWERS[key].option for key in _answers(arguments) if key != "relevance_threshold"]
        if changed:
            raise ConfigError(
                words.say(
                    "{changed} is for files, and --dataset brings its own tables.", changed=changed[0].replace("_", "-")
                ),
                "Leave it out, or give the files with --interactions.",
            )
        if arguments.dataset in data.sources.SOURCES:
            print(data.sources.SOURCES[arguments.dataset].terms, file=sys.stderr)
        dataset = data.sources.load(arguments.dataset, progress=_progress)
        threshold = _answers(arguments).get("relevance_threshold", "auto")
        return (dataset if threshold == "auto" else replace(dataset, relevance_threshold=threshold)), ()
    options = _import_options(arguments)
    dataset, findings = data.build(
        arguments.interactions,
        arguments.users,
        arguments.items,
        valid=arguments.valid,
        test=arguments.test,
        options=options,
        user_arrays=_named("--user-vectors", arguments.user_vectors, "face=faces.npz"),
        item_arrays=_named("--item-vectors", arguments.item_vectors, "poster=posters.npz"),
        item_images=arguments.item_images,
        accept_guesses=arguments.accept_guesses,
        progress=_progress,
    )
    _save_mapping(arguments, options, findings)
    return dataset, findings


def _answers(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was answered by options, by the keys of `ImportOptions`."""
    given = {key: getattr(arguments, f"answer_{key}", None) for key in ANSWERS}
    found = {}
    for key, text in given.items():
        if text is not None:
            try:
                found[key] = ANSWERS[key].value(text)
            except ValueError as error:
                option = ANSWERS[key].option
                raise ConfigError(
                    words.say("{option} {text} cannot be: {error}.", option=option, text=text, error=error),
                    words.say("{option}: {help}.", option=option, help=ANSWERS[key].told),
                ) from error
    return found


def _import_options(arguments: argparse.Namespace) -> ImportOptions:
    """The answers that --mapping holds, and over them those of the options."""
    from fairdash.data import ImportOptions

    kept: dict[str, Any] = {}
    if arguments.mapping is not None:
        try:
            kept = documents.read(arguments.mapping)
        except (ValueError, AttributeError) as error:
            hint = "Give the file that --save-mapping wrote."
            raise ConfigError(
                words.say("{mapping} is no mapping: {error}.", mapping=arguments.mapping, error=error), hint
            ) from error
    if not isinstance(kept, dict):
        raise ConfigError(
            words.say("{mapping} is no mapping.", mapping=arguments.mapping), "Give the file that --save-mapping wrote."
        )
    return replace(ImportOptions.from_json(kept), **_answers(arguments))


def _save_mapping(arguments: argparse.Namespace, options: ImportOptions, findings: Sequence[Finding]) -> None:
    """What was answered, with the guesses that were accepted, for --mapping."""
    from fairdash.data import questions
    from fairdash.workspace import write_json

    if arguments.save_mapping is not None:
        _writable(arguments.save_mapping)
        write_json(arguments.save_mapping, options.answered(questions(findings)).to_json())


def _group(text: str, arguments: argparse.Namespace) -> GroupSpec:
    """ "gender", or "gender,age" crossed; edges of numeric ones come from --bins."""
    from fairdash.schema import GroupSpec

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ConfigError(
            words.say("“{text}” names no attribute.", text=text), "Give a column of the table, such as --group gender."
        )
    bins = dict(_bins(text) for text in arguments.bins)
    return GroupSpec(names, tuple(bins.get(name) for name in names), arguments.min_group_size)


def _statistics(arguments: argparse.Namespace) -> dict[str, Any]:
    """What every audit and comparison shares, from the options: fields of AuditSpec."""
    groups = [_group(text, arguments) for text in [*arguments.group, *arguments.cross]]
    item_groups = [_group(text, arguments) for text in arguments.item_group]
    targets = dict(_target(text) for text in arguments.target)
    asked = [spec.attributes for spec in (*groups, *item_groups)]
    for attributes in targets.keys() - set(asked):
        name = ",".join(attributes)
        raise ConfigError(
            words.say("--target names {name}, which no group is made of.", name=name),
            words.say("Ask for --group {name} or --item-group {name} too.", name=name),
        )
    return {
        "groups": tuple(replace(spec, target=targets.get(spec.attributes, "")) for spec in groups),
        "item_groups": tuple(replace(spec, target=targets.get(spec.attributes, "")) for spec in item_groups),
        "k": settings.K if arguments.k is None else arguments.k,
        "seed": arguments.seed,
        "replicates": arguments.replicates,
        "permutations": arguments.permutations,
    }


def _target(text: str) -> tuple[tuple[str, ...], str | tuple[tuple[str, float], ...]]:
    """ "popularity:uniform", or "popularity:tail=0.4", as the attributes and their target."""
    name, _, told = (part.strip() for part in text.partition(":"))
    try:
        shares = [(group.strip(), float(share)) for group, share in (pair.rsplit("=", 1) for pair in told.split(","))]
    except ValueError:
        shares = []
    if not (name and told) or ("=" in told and not shares):
        raise ConfigError(
            words.say("--target {text} is no attribute with a target.", text=text),
            "Write --target popularity:tail=0.4.",
        )
    return tuple(part.strip() for part in name.split(",")), tuple(shares) or told


def _bins(text: str) -> tuple[str, tuple[float, ...]]:
    name, _, edges = text.partition("=")
    try:
        return name, tuple(float(edge) for edge in edges.split(","))
    except ValueError as error:
        raise ConfigError(
            words.say("--bins {text} holds no numbers.", text=text), "Write --bins age=18,25,35,45,56."
        ) from error


def _named(option: str, pairs: Sequence[str], example: str) -> dict[str, str]:
    """NAME=VALUE of a repeated option, by name."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not (name and equals):
            raise ConfigError(
                words.say("{option} {pair} is no pair of a name and a value.", option=option, pair=pair),
                words.say("Write {option} {example}.", option=option, example=example),
            )
        if name in found:
            raise ConfigError(
                words.say("{option} names {name} twice.", option=option, name=name), "Give each name once."
            )
        found[name] = value
    return found


def _options(pairs: Sequence[str]) -> dict[str, str]:
    return _named("--set", pairs, "epochs=20")


def _strength(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ConfigError(
            words.say("--strength {text} is neither auto nor between 0 and 1.", text=text),
            "Write --strength 0.5 or auto.",
        )
    return value


def _progress(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
    """One line a message; the curve's points are added to it."""
    global _said
    if not message and not values:
        return
    numbers = " ".join(f"{name} {value:.4g}" for name, value in (values or {}).items())
    line = f"{message} {numbers}".strip()
    if line != _said:
        _print(f"{done:6.1%} {line}", sys.stderr)
        _said = line


_said = ""


def _found(finding: Finding) -> str:
    told = {"warning": words.say("warning"), "info": words.say("info"), "error": words.say("error")}[finding.severity]
    return words.say("{severity}: {message}", severity=told, message=words.again(finding.message))


def _failed(line: str) -> str:
    return words.say("gate failed: {line}", line=line)


def _say(arguments: argparse.Namespace, value: Mapping[str, Any], lines: Sequence[str]) -> None:
    if arguments.json:
        json.dump(value, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
        print()
    else:
        _print("\n".join(lines), sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    """Letters that steer a terminal are written out: names come from whoever made the file."""
    shown = (letter if letter in "\n\u200d" or letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    print("".join(shown), file=stream, flush=True)


class _Help(argparse.HelpFormatter):
    """Helps of options and commands, said in the language of whoever asks."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and words.say(action.help)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fairdash", description=words.say(_ABOUT), allow_abbrev=False, formatter_class=_Help
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--lang", choices=list(words.languages()), default=words.ENGLISH,
                        help="language of sentences and reports; what is stored for others stays English")  # fmt: skip
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: Any, help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=help, description=words.say(help), allow_abbrev=False, formatter_class=_Help
        )
        made.set_defaults(command=function)
        made.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
        return made

    def add_answers(made: argparse.ArgumentParser, what: Command) -> None:
        answers = made.add_argument_group(
            words.say("answers about the files"), words.say("what is asked where a guess is not sure")
        )
        for answer in ANSWERS.values():
            if what not in answer.of:
                continue
            how: dict[str, Any] = {"dest": f"answer_{answer.key}", "help": answer.told.replace("%", "%%")}
            how |= {"choices": answer.choices} if answer.choices else {"metavar": answer.key.upper()}
            if answer.choices == ("yes", "no"):
                how |= {"nargs": "?", "const": "yes"}
            elif answer.several:
                how |= {"action": "append"}
            elif answer.key == "rating_missing":
                how |= {"nargs": "+"}
            answers.add_argument(answer.option, **how)
        answers.add_argument(
            "--accept-guesses", action="store_true", help="take the likely answer to all that is asked"
        )
        answers.add_argument("--mapping", type=Path, help="a file with answers, as --save-mapping writes it")
        answers.add_argument("--save-mapping", type=Path, help="write the answers, and the guesses that were accepted")

    def add_data(made: argparse.ArgumentParser) -> None:
        made.add_argument("--dataset", help="a data set of the catalogue instead of files")
        made.add_argument("--interactions", help="CSV, TSV, `::` or `|` text, Parquet, or a zip")
        made.add_argument("--valid", help="with --test: the validation part of a split of your own")
        made.add_argument("--test", help="the test part of a split of your own; --interactions is its training part")
        made.add_argument("--users", help="people and their attributes")
        made.add_argument("--items", help="items: title, categories, attributes")
        for role, whom in (("user", words.say("people")), ("item", words.say("items"))):
            made.add_argument(
                f"--{role}-vectors",
                action="append",
                default=[],
                metavar="NAME=FILE",
                help=words.say(
                    "arrays of {whom} (vectors, pictures, sounds) under a name: .npz with ids and values, or Parquet",
                    whom=whom,
                ),
            )
        made.add_argument(
            "--item-images", type=Path, metavar="ZIP",
            help=words.say("pictures of items: files named by their ids, or by the column image of --items"),
        )  # fmt: skip
        add_answers(made, "data")

    def add_tables(made: argparse.ArgumentParser) -> None:
        made.add_argument(
            "--truth", help="user_id, item_id[, rating][, prediction]: what was held out; without, there is no accuracy"
        )
        made.add_argument(
            "--train",
            nargs="+",
            help="user_id, item_id: what was known before (one or several files); of a run, train.csv and valid.csv",
        )
        made.add_argument("--users")
        made.add_argument("--items")
        add_answers(made, "lists")

    def add_groups(made: argparse.ArgumentParser, more: str = "") -> None:
        group_help = words.say(
            "attribute of people, several crossed as gender,age; or activity, the 5 %% with the most training "
            "interactions and the others; may be repeated{more}",
            more=words.say(more) if more else "",
        )
        made.add_argument("--group", action="append", default=[], help=group_help)
        made.add_argument("--bins", action="append", default=[], help="edges of a numeric attribute: age=18,25,35")
        made.add_argument("--min-group-size", type=int, default=settings.MIN_GROUP_SIZE)

    def add_statistics(made: argparse.ArgumentParser, *, several: bool = False) -> None:
        made.add_argument("--cross", action="append", default=[], help="attributes crossed: gender,age_band")
        made.add_argument("--item-group", action="append", default=[], help="attribute of items, or popularity")
        made.add_argument(
            "--target",
            action="append",
            default=[],
            metavar="ATTRIBUTE:TARGET",
            help="what share each group of a --group or --item-group should have: uniform, for items also catalogue "
            "(as without it) or interactions; or shares, such as popularity:tail=0.4 (the rest in equal parts)",
        )
        if several:
            places = words.say("places of a list that count (else {k}); may be repeated", k=settings.K)
            made.add_argument("--k", type=int, action="append", help=places)
        else:
            made.add_argument("--k", type=int, default=settings.K)
        made.add_argument("--seed", type=int, default=0)
        made.add_argument("--replicates", type=int, default=settings.BOOTSTRAP, help="bootstrap replicates")
        made.add_argument("--permutations", type=int, default=settings.PERMUTATIONS)

    def add_recommender(made: argparse.ArgumentParser) -> None:
        made.add_argument("--recommender", help="by name; else the one that the Recommender page offers first")

    def add_engine(made: argparse.ArgumentParser, where: str) -> None:
        made.add_argument("--engine", default="local", help=where)
        made.add_argument("--address", help="of the Ray cluster, or auto; else one is begun on this machine")

    splits = words.later(
        "leave-one-out, user-time:0.8, user-random:0.8, global-time:DATE, or own: as the data came; else own where it "
        "came so, or leave-one-out"
    )
    made = command("data", _data, "read, check and clean; say what was found")
    add_data(made)
    made.add_argument("--out", type=Path, help="folder for the checked data set")

    made = command("train", _train, "split, train and rank: a run folder")
    add_data(made)
    made.add_argument("--split", help=splits)
    add_recommender(made)
    made.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an option of the recommender")
    made.add_argument("--start", type=Path, metavar="RUN", help="an earlier run to go on from: its recommender, "
                      "options, mitigations and weights, where these are not given")  # fmt: skip
    made.add_argument("--mitigation", help="a method of the places data or training")
    made.add_argument("--strength", default="1", help="of the mitigation, 0 to 1")
    add_groups(made)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    add_engine(made, words.later("where everybody's lists are ranked, and where --workers train: local (this machine) "
                                 "or ray (a cluster)"))  # fmt: skip
    made.add_argument("--workers", type=int, default=1, help="processes that share the batches of a BERT's training")
    made.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run's folder")

    made = command("search", _search, "try options of a recommender on validation: for accuracy, a small gap, or both")
    add_data(made)
    made.add_argument("--split", help=splits)
    add_recommender(made)
    made.add_argument("--objective", default="accuracy", choices=("accuracy", "gap", "both"))
    made.add_argument("--trials", type=int, default=12)
    made.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an option that all trials share"
    )
    add_groups(made, words.later(": several are crossed"))
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    add_engine(made, words.later("where trials run: local (this machine), or ray (a cluster), as many at once as it "
                                 "has workers"))  # fmt: skip
    made.add_argument("--out", type=Path, required=True, help="folder; a search that was stopped there goes on")

    made = command("recommend", _recommend, "write a run's top-k lists")
    made.add_argument("--run", type=Path, required=True)
    made.add_argument("--k", type=int, default=settings.K, help="up to the candidates that the run keeps, they are "
                      "written; beyond, its model scores everybody anew")  # fmt: skip
    add_engine(made, words.later("where the model scores everybody anew: local (this machine) or ray (a cluster)"))
    made.add_argument("--scores", action="store_true", help="with the score of each item")
    made.add_argument("--out", type=Path, required=True)

    made = command("audit", _audit, "audit lists of any system, or of a run")
    made.add_argument("--run", type=Path, help="a run folder: its tables, and its model's own audit")
    made.add_argument(
        "--recommendations",
        nargs="+",
        help="user_id, item_id, rank and/or score[, system]; several files: several systems",
    )
    add_tables(made)
    add_groups(made)
    add_statistics(made, several=True)
    add_engine(made, words.later("where lists in Parquet are read and added up, piece by piece: local (this machine) "
                                 "or ray (a cluster)"))  # fmt: skip
    made.add_argument("--window", help="an audit of each month, each week, or of that many equal parts of the time")
    made.add_argument(
        "--fail-over",
        nargs="+",
        action="extend",
        default=[],
        metavar="GATE",
        help="exit 3 where one breaks: gender.ndcg.gap=0.02 items.awrf=0.1 gender.ndcg.low=0 (the interval's end)",
    )
    made.add_argument("--out", type=Path, help="audit.json")

    made = command("events", _events, "add events to a log: each counts once, malformed ones are kept aside")
    made.add_argument("--log", type=Path, required=True, help="the log's file; it is made where it is not there")
    made.add_argument("--add", required=True, metavar="FILE", help="events as JSON, one a line; - reads stdin")
    made.add_argument("--lateness", type=float, help="of a new log: seconds that an event may come after a later one")

    made = command("learn", _learn, "a version of the data that has learned what people did; the same is held out")
    made.add_argument("--log", type=Path, required=True, help="the log, as `events` makes it")
    add_data(made)
    made.add_argument("--split", help=splits)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--taken", nargs="+", default=[], metavar="TYPE",
                      help="types of events that say yes to an item; else all but dislikes")  # fmt: skip
    add_groups(made, words.later("; says whether feedback is skewed by it"))
    made.add_argument("--out", type=Path, required=True, help="folder for the version, to train with --split own")

    made = command("watch", _watch, "audit events as they come, and say when what groups get has moved")
    made.add_argument("--events", required=True, metavar="LOG",
                      help="the log, as `events` makes it, or kafka://HOST:PORT/TOPIC")  # fmt: skip
    made.add_argument("--run", type=Path, help="a run folder: its people and items")
    add_data(made)
    add_groups(made)
    made.add_argument("--item-group", action="append", default=[], help="attribute of items, or popularity")
    made.add_argument("--k", type=int, default=settings.K)
    made.add_argument("--seconds", type=float, default=3600.0, help="length of a window")
    made.add_argument("--number", type=int, help="of events in a window, in place of --seconds")
    made.add_argument("--feedback-within", type=float, default=3600.0, metavar="SECONDS",
                      help="after a list in which what is taken from it counts")  # fmt: skip
    made.add_argument("--taken", nargs="+", default=[], metavar="TYPE",
                      help="types of events that say that an item was taken; else all with an itemId")  # fmt: skip
    made.add_argument(
        "--reference", type=int, default=4, help="windows, the first ones, that later ones are held against"
    )
    made.add_argument("--level", type=float, default=0.05, help="the chance of any false alarm, however long it runs")
    made.add_argument("--state", type=Path, help="file in which sums are kept; else beside the log, or "
                      "called as the topic")  # fmt: skip
    made.add_argument("--once", action="store_true", help="stop at the end of the log; else wait for more")
    made.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help="between two looks at the log")
    made.add_argument("--hook", metavar="URL", help="is told of each change between OK, DRIFT and INSUFFICIENT_DATA")
    made.add_argument("--fail-over", nargs="+", action="extend", default=[], metavar="GATE",
                      help="exit 3 when one breaks, as with audit: gender.exposure_share.gap=0.1")  # fmt: skip
    made.add_argument("--out", type=Path, help="file that always holds what was found so far, as JSON")

    made = command("mitigate", _mitigate, "apply a mitigation to a run")
    made.add_argument("--run", type=Path, required=True)
    made.add_argument("--method", required=True, action="append", help="may be repeated: applied in that order")
    add_groups(made, words.later(": re-rankers balance the crossing of several, other methods each of them"))
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
    made.add_argument("--run", type=Path, help="a run folder: its tables; else they come as files, as for audit")
    made.add_argument("--before", type=Path, required=True)
    made.add_argument("--after", type=Path, required=True, help="with what `mitigate` left beside it, where it did")
    add_tables(made)
    made.add_argument("--model", action="store_true", help="also what the model itself makes of who people are")
    add_groups(made)
    add_statistics(made)
    made.add_argument("--out", type=Path, required=True)

    made = command("report", _report, "an audit or a comparison as a page, Markdown, a table or JSON")
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument("--audit", type=Path, help="audit.json of one system at one K")
    source.add_argument("--comparison", type=Path, help="comparison.json")
    made.add_argument("--run", type=Path, help="the run folder: the report tells its data, its training and commands")
    made.add_argument("--format", choices=("html", "md", "csv", "json"), help="else by the ending of --out")
    made.add_argument("--frames", action="store_true", help="with the headings of AI Act Annex IV and DSA 27, 34, 35")
    made.add_argument("--out", type=Path, required=True)

    made = command("doctor", _doctor, "check every stored value, the table of jobs and what was begun and not ended")
    made.add_argument("--repair", action="store_true", help="set aside what is damaged; nothing is deleted")

    made = command("release", _release, "group means and counts to pass on, with noise that hides each single person")
    made.add_argument("--run", type=Path, required=True)
    made.add_argument("--group", required=True, help="attribute of people, several crossed as gender,age")
    made.add_argument("--bins", action="append", default=[], help="edges of a numeric attribute: age=18,25,35")
    made.add_argument("--min-group-size", type=int, default=settings.MIN_GROUP_SIZE)
    made.add_argument("--metric", default="ndcg", help="a metric of single people that lies between two ends")
    made.add_argument("--epsilon", type=float, default=0.5, help="what the release may tell of anybody; it is counted")
    made.add_argument("--k", type=int, default=settings.K)
    made.add_argument("--out", type=Path, help="release.json")

    made = command("trail", _trail, "who did what in the workspace; fails where somebody changed it afterwards")
    made.add_argument(
        "--sealed", metavar="SEAL", help="a seal that was noted elsewhere: fails unless it is still there"
    )

    made = command("serve", _serve, "answer other programs over HTTP: recommendations, events, audits of a run")
    made.add_argument("--run", type=Path, required=True)
    made.add_argument("--host", default="127.0.0.1", help="others than this machine need FAIRDASH_API_TOKEN to be set")
    made.add_argument("--port", type=int, default=8601, help="0: any that is free")

    made = command("export", _export, "write a run as a folder that answers without this program, with its audit")
    made.add_argument("--run", type=Path, required=True)
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that is not there yet")

    made = command("demo", _demo, "fill the workspace from nothing to a finished comparison")
    made.add_argument("--dataset", default="synthetic")
    return parser
