"""The stages over run folders: split → fit → recommend → audit → mitigate. The jobs and the command line call these.

A run folder is complete in itself and readable by anything:

    train.csv valid.csv truth.csv users.csv items.csv   what was known, what was held out, who and what
    run.json                                            recommender, options, mitigations, split, seed, device, timings
    candidates.safetensors                              best items of every user with scores, for validation and test
    model/                                              the trained recommender (absent for lists of another system)
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from fairdash import __version__, settings
from fairdash.errors import ConfigError, DataError, FairDashError
from fairdash.hashing import digest, id_hash
from fairdash.mitigation import sweep as sweeps
from fairdash.progress import Progress, silent
from fairdash.recommenders import PROFILE_READERS
from fairdash.schema import (
    ITEM_ID,
    RATING,
    SCORE,
    TIME,
    USER_ID,
    Categories,
    Floats,
    Groups,
    GroupSpec,
    Interactions,
    Lists,
    Split,
    TrainingData,
)
from fairdash.workspace import write_json

if TYPE_CHECKING:
    from fairdash.compare import Aim
    from fairdash.metrics.audit import Audit
    from fairdash.mitigation.base import RerankInput
    from fairdash.recommenders.base import Fitted, Recommender


VALUE = "value"  # column of train, valid and truth: ratings or counts that decide nothing about liking


@dataclass(frozen=True)
class Mitigation:
    """A chosen method. groups: user groups; of several, re-rankers balance the crossing (`balanced`), other methods
    each attribute. item_group: item groups, for methods that protect items. strength: 0…1, or None for "auto": chosen
    on validation, by `mitigate` alone."""

    method: str
    groups: tuple[GroupSpec, ...] = ()
    item_group: GroupSpec | None = None
    strength: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Mitigation:
        item_group = value.get("item_group")
        return Mitigation(
            method=str(value["method"]),
            groups=tuple(group_from_json(group) for group in value.get("groups", ())),
            item_group=None if item_group is None else group_from_json(item_group),
            strength=value.get("strength"),
        )


def group_from_json(value: Mapping[str, Any]) -> GroupSpec:
    """A GroupSpec from its JSON form (`dataclasses.asdict` is the other way)."""
    return GroupSpec(
        attributes=tuple(value["attributes"]),
        edges=tuple(None if edges is None else tuple(float(e) for e in edges) for edges in value.get("edges", ())),
        min_size=int(value.get("min_size", settings.MIN_GROUP_SIZE)),
    )


@dataclass(frozen=True)
class TrainSpec:
    """What is trained, and how. options: the `--set` pairs; `profile` among them names the attributes of people that
    are written into the profile text, by commas. mitigations: of the places "data" and "training"."""

    recommender: str = "bert_sequence"
    options: Mapping[str, str] = field(default_factory=dict)
    mitigations: tuple[Mitigation, ...] = ()
    seed: int = 0
    device: str = "auto"

    def digest(self, split: Split) -> str:
        """The run's id: everything that its numbers depend on."""
        chosen = [mitigation.to_json() for mitigation in self.mitigations]
        return digest("run", __version__, split.digest, self.recommender, dict(self.options), chosen, self.seed)

    @property
    def title(self) -> str:
        return " + ".join([self.recommender, *(mitigation.method for mitigation in self.mitigations)])

    @staticmethod
    def of(run: Run) -> TrainSpec:
        """The spec that a run was trained with."""
        meta = run.meta
        chosen = tuple(Mitigation.from_json(value) for value in meta["mitigations"])
        return TrainSpec(meta["recommender"], meta["options"], chosen, meta["seed"], meta["device"])


# --- run folders ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run folder. Split, candidates and model are read when they are first asked for.

    changed: what mitigations that came before made of its lists and user vectors, for "valid" and "test"."""

    folder: Path
    meta: dict[str, Any]
    changed: Mapping[str, Outcome] = field(default_factory=dict)

    @staticmethod
    def load(folder: Path | str) -> Run:
        """Open a run folder. Raises DataError when it is none."""
        folder = Path(folder)
        try:
            meta = json.loads((folder / "run.json").read_text())
        except (OSError, ValueError) as error:
            raise DataError(
                f"{folder} is not a run folder: it holds no readable run.json.",
                "Give the folder that `python -m fairdash train … --out RUN` wrote.",
            ) from error
        return Run(folder, meta)

    @property
    def digest(self) -> str:
        return str(self.meta["digest"])

    @property
    def title(self) -> str:
        return str(self.meta["title"])

    @cached_property
    def split(self) -> Split:
        return read_split(self.folder)

    @cached_property
    def _candidates(self) -> dict[str, Any]:
        return load_file(self.folder / "candidates.safetensors")

    def candidates(self, part: str = "test") -> Lists:
        """Best items of every user at validation ("valid") or at test time ("test"), seen items left out."""
        if part in self.changed:
            return self.changed[part].lists
        return Lists(self._candidates[f"{part}_items"], self._candidates[f"{part}_scores"])

    @cached_property
    def fitted(self) -> Fitted:
        """The trained recommender. Raises FairDashError for lists of another system, which have no model."""
        if not (self.folder / "model").is_dir():
            raise FairDashError(
                f"{self.title} has no model: it holds lists of another system.",
                "Re-ranking methods work on lists; methods that train, or that look at user vectors, need a model.",
            )
        from fairdash.recommenders import store

        return store.load(self.folder / "model")

    @property
    def has_model(self) -> bool:
        return (self.folder / "model").is_dir()


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a mitigation made at one strength and one time: the run (the same, or one that was trained anew), its lists,
    and user vectors [n_users, d] where they were changed."""

    run: Run
    lists: Lists
    vectors: Floats | None = None


def write_split(split: Split, folder: Path) -> None:
    """Write the five tables and what they cannot say (`split.json`)."""
    folder.mkdir(parents=True, exist_ok=True)
    data = split.training
    for name, part in (("train", data.train), ("valid", data.valid), ("truth", split.test)):
        frame = {
            USER_ID: pa.array(data.users[USER_ID].to_numpy()[part.user], pa.string()),
            ITEM_ID: pa.array(data.items[ITEM_ID].to_numpy()[part.item], pa.string()),
        }
        if data.relevance_threshold is not None:
            frame[RATING] = pa.array(part.rating)
        elif (part.rating != 1.0).any():  # not called rating, as an audit of these files would take it for stars
            frame[VALUE] = pa.array(part.rating)
        if part.time.any():
            frame[TIME] = pa.array(part.time)
        pa_csv.write_csv(pa.table(frame), folder / f"{name}.csv")
    for name, table in (("users", data.users), ("items", data.items)):
        pa_csv.write_csv(pa.Table.from_pandas(table, preserve_index=False), folder / f"{name}.csv")
    write_json(
        folder / "split.json",
        {
            "name": split.name,
            "split": split.spec,
            "seed": split.seed,
            "relevance_threshold": data.relevance_threshold,
            "types": {
                name: {column: str(kind) for column, kind in table.dtypes.items()}
                for name, table in (("users", data.users), ("items", data.items))
            },
        },
    )


def read_split(folder: Path) -> Split:
    """The Split that `write_split` wrote: the same codes, order and types."""
    said = json.loads((folder / "split.json").read_text())
    tables = {}
    for name in ("users", "items"):
        table = _read_csv(folder / f"{name}.csv")
        for column, kind in said["types"][name].items():
            if kind not in ("object", "str", "string"):
                table[column] = (
                    table[column].map({"True": True, "true": True, "False": False, "false": False})
                    if (kind == "bool")
                    else pd.to_numeric(table[column]).astype(kind)
                )
        tables[name] = table
    user_index, item_index = pd.Index(tables["users"][USER_ID]), pd.Index(tables["items"][ITEM_ID])

    def part(name: str) -> Interactions:
        frame = _read_csv(folder / f"{name}.csv", {RATING: pa.float32(), VALUE: pa.float32(), TIME: pa.float64()})
        frame = frame.rename(columns={VALUE: RATING})
        rows = len(frame)
        return Interactions(
            user_index.get_indexer(frame[USER_ID]).astype(np.int32),
            item_index.get_indexer(frame[ITEM_ID]).astype(np.int32),
            frame[RATING].to_numpy(np.float32) if RATING in frame else np.ones(rows, np.float32),
            frame[TIME].to_numpy(np.float64) if TIME in frame else np.zeros(rows),
        )

    training = TrainingData(tables["users"], tables["items"], part("train"), part("valid"), said["relevance_threshold"])
    return Split(said["name"], said["split"], said["seed"], training, part("truth"))


def _read_csv(path: Path, numbers: Mapping[str, pa.DataType] = MappingProxyType({})) -> pd.DataFrame:
    """A table of a run folder: every column text but the `numbers`; an empty unquoted cell is missing."""
    with path.open(encoding="utf-8", newline="") as stream:
        header = next(csv.reader(stream))
    types = {name: numbers.get(name, pa.string()) for name in header}
    options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False)
    options.null_values = [""]
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    frame: pd.DataFrame = pa_csv.read_csv(path, convert_options=options, parse_options=parse).to_pandas()
    return frame


# --- stages -----------------------------------------------------------------------------------------------------------


def train(split: Split, spec: TrainSpec, folder: Path, progress: Progress = silent) -> Run:
    """Fit a recommender and rank every user's candidates. A folder in which a training stopped half-way goes on.

    Data mitigations change what is trained on, training mitigations what is minimised; neither sees test.
    """
    from fairdash import recommenders
    from fairdash.recommenders import device as devices

    started = time.monotonic()
    options = dict(spec.options)
    known = with_profile(split.training, spec.recommender, options)
    recommender = recommenders.build(spec.recommender, options)
    device = devices.choose(spec.device)
    progress(0.0, device.sentence)
    data, terms = _with_mitigations(known, spec, recommender)
    write_split(split, folder)

    def fitting(done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        progress(0.02 + 0.9 * done, message, values)

    fitted = recommender.fit(
        data, seed=spec.seed, device=device.kind, folder=folder / "training", progress=fitting, terms=terms
    )
    fitted.save(folder / "model")
    trained = time.monotonic()
    progress(0.92, "Ranking the catalogue for everybody")
    lists = {
        "valid": rank(fitted, split, "valid", seed=spec.seed),
        "test": rank(fitted, split, "test", seed=spec.seed),
    }
    meta = {
        "title": spec.title,
        "recommender": spec.recommender,
        "options": dict(spec.options),
        "mitigations": [mitigation.to_json() for mitigation in spec.mitigations],
        "device": device.kind,
        "device_sentence": device.sentence,
        "seed": spec.seed,
        "train_seconds": round(trained - started, 2),
    }
    return _finish(split, spec.digest(split), meta, lists, folder, progress)


def import_lists(split: Split, lists: Lists, title: str, folder: Path) -> Run:
    """A run folder for the lists of another system: audited, re-ranked and compared like any other, without a model."""
    write_split(split, folder)
    nothing = Lists(np.full_like(lists.items, -1), np.full_like(lists.scores, np.nan))
    name = imported_digest(split, lists)
    meta = {"title": title, "recommender": "lists", "options": {}, "mitigations": [], "seed": split.seed}
    return _finish(split, name, meta, {"valid": nothing, "test": lists}, folder, silent)


def outside_split(
    name: str,
    lists: pd.DataFrame,
    truth: pd.DataFrame,
    users: pd.DataFrame,
    train: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    *,
    relevance_threshold: float | None = None,
) -> Split:
    """The split of another system from its own tables: user_id, item_id in lists, truth and train (what was known);
    rating in truth where not all of it counts as liked. People and items of any table belong to it.

    Raises DataError where a table lacks an id column, or a rating that the threshold needs.
    """
    from fairdash.data import columns
    from fairdash.metrics.inputs import need

    tables = {"lists": lists, "truth": truth, **({} if train is None else {"train": train})}
    for title, table in tables.items():
        need(table, title, (USER_ID, ITEM_ID))
    need(users, "users", (USER_ID,))
    if relevance_threshold is not None:
        need(truth, "truth", (RATING,))
    people = _with_ids(users, USER_ID, [table[USER_ID] for table in tables.values()])
    things = _with_ids(
        pd.DataFrame({ITEM_ID: []}, dtype=object) if items is None else items,
        ITEM_ID,
        [table[ITEM_ID] for table in tables.values()],
    )

    def part(table: pd.DataFrame) -> Interactions:
        kept = table.drop_duplicates([USER_ID, ITEM_ID])
        rating = np.ones(len(kept), np.float32)
        if RATING in kept and relevance_threshold is not None:
            rating = columns.numbers(kept[RATING]).astype(np.float32)
        made = Interactions(
            pd.Index(people[USER_ID]).get_indexer(kept[USER_ID].astype(str)).astype(np.int32),
            pd.Index(things[ITEM_ID]).get_indexer(kept[ITEM_ID].astype(str)).astype(np.int32),
            rating,
            np.zeros(len(kept)),
        )
        return made.take(np.argsort(made.user, kind="stable"))

    known = part(train if train is not None else truth.iloc[:0])
    training = TrainingData(people, things, known, known.take(np.zeros(0, np.int64)), relevance_threshold)
    return Split(name, "as given", 0, training, part(truth))


def _with_ids(table: pd.DataFrame, key: str, others: Sequence[pd.Series]) -> pd.DataFrame:
    """The table, one row an id, with rows added for ids that only other tables have."""
    table = table.assign(**{key: table[key].astype(str)}).drop_duplicates(key)
    known = pd.unique(pd.concat([table[key], *(column.astype(str) for column in others)]))
    return table.set_index(key).reindex(known).rename_axis(key).reset_index()


def read_lists(run: Run, path: Path | str) -> Lists:
    """Lists of a file for the people of a run. Raises DataError that names the file, row and column."""
    from fairdash.recommenders import lists

    data = run.split.training
    found, _ = lists.read_lists(str(path), data.users, data.items, seed=run.split.seed)
    return found


def write_lists(run: Run, lists: Lists, path: Path, *, scores: bool = False) -> None:
    """Write user_id, item_id, rank[, score] as CSV, or as Parquet where the name ends so."""
    frame = lists.to_frame(run.split.training.users, run.split.training.items)
    table = pa.Table.from_pandas(frame if scores else frame.drop(columns=SCORE), preserve_index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pa_parquet.write_table(table, path)
    else:
        pa_csv.write_csv(table, path)


def imported_digest(split: Split, lists: Lists) -> str:
    """The id of the run that holds these lists of another system."""
    return digest("imported", __version__, split.digest, lists.digest)


def _finish(
    split: Split, name: str, meta: dict[str, Any], lists: Mapping[str, Lists], folder: Path, progress: Progress
) -> Run:
    arrays = {}
    for part, ranked in lists.items():
        arrays[f"{part}_items"] = np.ascontiguousarray(ranked.items)
        arrays[f"{part}_scores"] = np.ascontiguousarray(ranked.scores)
    save_file(arrays, folder / "candidates.safetensors")
    meta = {**meta, "digest": name, "data": split.name, "split": split.spec, "split_digest": split.digest}
    meta |= {"n_users": split.training.n_users, "n_items": split.training.n_items, "version": __version__}
    write_json(folder / "run.json", meta)
    progress(1.0, "Done")
    return Run.load(folder)


def rank(fitted: Fitted, split: Split, part: str, *, seed: int = 0, k: int = settings.CANDIDATES) -> Lists:
    """The best k items of every user at validation time ("valid": the history is train) or at test time ("test": train
    and validation). What is in the history is left out; ties are broken by a hash."""
    from fairdash import ranking

    data = split.training
    history = data.train if part == "valid" else split.known
    seen = history.matrix(data.n_users, data.n_items)
    ids = data.items[ITEM_ID].to_numpy()
    return ranking.rank_all(fitted, ids, history, data.n_users, seen, min(k, data.n_items), seed=seed)


def recommend(run: Run, k: int) -> Lists:
    """The run's top-k lists at test time. Raises ConfigError when fewer candidates were kept."""
    lists = run.candidates("test")
    if not 1 <= k <= lists.k:
        raise ConfigError(
            f"k = {k}, but this run keeps {lists.k} candidates a person.",
            f"Choose k between 1 and {lists.k}, or set FAIRDASH_CANDIDATES before training.",
        )
    return lists.top(k)


def form_groups(specs: Sequence[GroupSpec], table: pd.DataFrame) -> list[Groups]:
    """One Groups for each spec, over the rows of users or of items."""
    from fairdash.data import groups

    return [groups.form(spec, table) for spec in specs]


def with_profile(data: TrainingData, recommender: str, options: dict[str, Any]) -> TrainingData:
    """The data with the profile that the option `profile` asks for; the option is taken out of `options`.

    Raises ConfigError for attributes that are not there, and for a recommender that reads no profile."""
    names = tuple(name.strip() for name in str(options.pop("profile", "")).split(",") if name.strip())
    if names and recommender not in PROFILE_READERS:
        raise ConfigError(
            f"{recommender} reads no profile text, so the option profile would change nothing.",
            f"Leave it out, or choose {' or '.join(PROFILE_READERS)}.",
        )
    for name in names:
        if name not in data.users.columns or name == USER_ID:
            known = ", ".join(column for column in data.users.columns if column != USER_ID) or "none"
            raise ConfigError(f"The table of people has no attribute “{name}” for the profile.", f"It has: {known}.")
    return data.with_(profile=names)


def _with_mitigations(data: TrainingData, spec: TrainSpec, recommender: Recommender) -> tuple[TrainingData, list[Any]]:
    """The training data and the terms of the loss, after the spec's mitigations."""
    terms = []
    for chosen in spec.mitigations:
        method = find_method(chosen.method)
        if method.info.place not in ("data", "training"):
            raise ConfigError(
                f"{chosen.method} works on a trained run, not while training.",
                "Train first, then use `mitigate` with this method.",
            )
        width = recommender.vector_width
        if width is None:
            raise ConfigError(
                f"{spec.recommender} is not trained by gradient steps, so {chosen.method} cannot change its training.",
                "Choose bert_sequence or bert_pair, or a re-ranking method.",
            )
        if "profile" in method.info.needs and spec.recommender not in PROFILE_READERS:
            raise ConfigError(
                f"{chosen.method} changes the profile text, which {spec.recommender} does not read.",
                f"Choose {' or '.join(PROFILE_READERS)}, or another method.",
            )
        groups = form_groups(chosen.groups, data.users)
        strength = chosen.strength
        if strength is None:
            raise ConfigError(
                f"A training has one strength of {chosen.method}, and none is given.",
                "Give a number, such as --strength 0.5; `mitigate` finds one on validation, on a run trained without.",
            )
        if strength == 0.0:
            continue  # exactly the unmitigated training
        if method.info.place == "data":
            data = method.prepare(data, groups, strength, spec.seed)
        else:
            terms.append(method.term(data, groups, strength, width, spec.seed))
    return data, terms


def balanced(chosen: Mitigation) -> tuple[GroupSpec, ...]:
    """The attributes of people that the method is fair between. A re-ranker has one grouping, so several are crossed:
    what is equal for all combinations is equal for each attribute."""
    several = len(chosen.groups) > 1 and find_method(chosen.method).info.place == "reranking"
    return (GroupSpec.crossed(chosen.groups),) if several else chosen.groups


def find_method(key: str) -> Any:
    """The mitigation of that name. Raises ConfigError with the known ones."""
    from fairdash.mitigation import METHODS

    if key not in METHODS:
        raise ConfigError(f"There is no mitigation “{key}”.", f"Known ones: {', '.join(METHODS)}.")
    return METHODS[key]


def audit(
    run: Run,
    lists: Lists,
    *,
    groups: Sequence[GroupSpec] = (),
    item_groups: Sequence[GroupSpec] = (),
    k: int = settings.K,
    relevance_threshold: float | None = None,
    seed: int = 0,
    replicates: int = settings.BOOTSTRAP,
    permutations: int = settings.PERMUTATIONS,
    model: bool = False,
    vectors: Floats | None = None,
    progress: Progress = silent,
) -> Audit:
    """Audit lists of the run's people on its test part. relevance_threshold: None takes the data set's own. model: also
    what the recommender itself does with who people are. vectors: user vectors as a mitigation left them; None: the
    recommender's own."""
    from fairdash.metrics import audit as audits

    side = None
    if model and run.has_model:
        from fairdash.model_audit import model_side

        side = model_side(
            run.fitted,
            run.split,
            groups,
            lists,
            k=k,
            vectors=vectors,
            seed=seed,
            replicates=replicates,
            progress=progress,
        )
    progress(0.9, "Bootstrapping and permuting")
    made = audits.from_split(
        run.split,
        lists,
        groups=groups,
        item_groups=item_groups,
        k=k,
        relevance_threshold=relevance_threshold,
        seed=seed,
        replicates=replicates,
        permutations=permutations,
        model=side,
    )
    progress(1.0, "Audited")
    return made


# --- mitigation -------------------------------------------------------------------------------------------------------

RULE = "accuracy-budget"
RETRAIN_STRENGTHS = (0.0, 0.25, 0.5, 1.0)  # each above 0 costs a training
PROBE_STRENGTHS = tuple(round(0.1 * step, 1) for step in range(11))  # each costs a look at the model side
TUNING_REPLICATES = 200
PLACES = {"data": 0, "training": 0, "vectors": 1, "reranking": 2}  # the order in which methods can be combined
Retrain = Callable[[TrainSpec, Progress], Run]


@dataclass(frozen=True, eq=False)
class Mitigated:
    """Lists [n_users, k] after a mitigation, and the run that they are of: the same, or one that was trained anew.

    strength: as given, or as chosen on validation; tuning: the points that were tried there, as plain values.
    vectors: user vectors [n_users, d] where a method changed them, else None. first: the methods applied before, with
    their strengths and tunings, as plain values."""

    run: Run
    lists: Lists
    strength: float
    tuning: list[dict[str, Any]]
    vectors: Floats | None = None
    first: tuple[dict[str, Any], ...] = ()


def mitigate(
    run: Run,
    chosen: Mitigation,
    k: int,
    *,
    retrain: Retrain,
    first: Sequence[Mitigation] = (),
    rule: str = RULE,
    budget: float | None = None,
    progress: Progress = silent,
) -> Mitigated:
    """Apply a mitigation to a run, after those in `first`, each to what the one before it left. Strength None is chosen
    on validation by `rule` and `budget` (see `mitigation.sweep.choose`); test truth plays no part in it.

    retrain: gives the run of a changed spec, for methods of the places data and training. Raises ConfigError when the
    places of the methods are out of order: data and training come before vectors, those before re-ranking.
    """
    sweeps.check_rule(rule, budget)
    if not 1 <= k <= run.candidates().k:
        raise ConfigError(f"k = {k} is not between 1 and {run.candidates().k}.", "Choose a shorter list.")
    places = [PLACES[find_method(step.method).info.place] for step in (*first, chosen)]
    if places != sorted(places):
        raise ConfigError(
            f"{' and then '.join(step.method for step in (*first, chosen))} is out of order.",
            "Combine methods of data or training first, then of vectors, then of re-ranking.",
        )
    steps: list[dict[str, Any]] = []
    for step in first:
        strength, tuning = _strength(run, step, k, retrain, (rule, budget), progress)
        steps.append({**step.to_json(), "strength": strength, "tuning": tuning})
        # a re-ranker is one for lists of k: at full depth it would be another one, or none (fair_rec, p_mmf)
        depth = k if find_method(step.method).info.place == "reranking" else run.candidates().k
        at = {}
        for part in ("valid", "test"):
            made = _outcomes(run, step, depth, part, retrain, progress)(strength)
            at[part] = replace(made, lists=_completed(made.lists, run.candidates(part)))
        run = replace(at["test"].run, changed=at)
    strength, tuning = _strength(run, chosen, k, retrain, (rule, budget), progress)
    made = _outcomes(run, chosen, k, "test", retrain, progress)(strength)
    progress(1.0, f"{chosen.method} at strength {strength:g}")
    return Mitigated(made.run, made.lists, strength, tuning, made.vectors, tuple(steps))


def _completed(lists: Lists, candidates: Lists) -> Lists:
    """Lists [n, k], then the user's other candidates in their order: as deep as the candidates are."""
    if lists.k >= candidates.k:
        return lists
    taken = np.zeros(candidates.items.shape, dtype=bool)
    for place in range(lists.k):
        taken |= (candidates.items == lists.items[:, place, None]) & (candidates.items >= 0)
    rest = np.argsort(taken, axis=1, kind="stable")[:, : candidates.k - lists.k]
    return Lists(
        np.hstack([lists.items, np.take_along_axis(candidates.items, rest, 1)]),
        np.hstack([lists.scores, np.take_along_axis(candidates.scores, rest, 1)]),
    )


def _vectors(run: Run, part: str) -> Floats | None:
    """User vectors as an earlier method left them; None: the recommender's own."""
    return run.changed[part].vectors if part in run.changed else None


def _strength(
    run: Run, chosen: Mitigation, k: int, retrain: Retrain, rule: tuple[str, float | None], progress: Progress
) -> tuple[float, list[dict[str, Any]]]:
    if chosen.strength is not None:
        return chosen.strength, []
    points = sweep(run, chosen, k, retrain=retrain, progress=progress)
    return sweeps.choose(points, *rule).strength, [point.to_json() for point in points]


def sweep(
    run: Run,
    chosen: Mitigation,
    k: int,
    *,
    retrain: Retrain,
    strengths: Sequence[float] | None = None,
    progress: Progress = silent,
) -> tuple[sweeps.Point, ...]:
    """The method's trade-off between its target and NDCG over strengths, on validation, with intervals. Of several
    attributes, the one where the target is unfairest counts."""
    info = find_method(chosen.method).info
    if not len(run.split.training.valid):
        raise ConfigError(
            f"{run.title} has no validation part, so no strength can be chosen from it.",
            "Give a strength, such as 0.5.",
        )
    at = _outcomes(run, chosen, k, "valid", retrain, progress)
    judge = sweeps.Judge(
        rerank_input(run, chosen, k, "valid"),
        info.target,
        groups=form_groups(balanced(chosen), run.split.training.users),
        min_group_size=min((group.min_size for group in balanced(chosen)), default=settings.MIN_GROUP_SIZE),
    )
    measure = None
    if not judge.targets:

        def measure(strength: float) -> NDArray[np.float64]:
            return _model_target(at(strength), chosen, info.target, k)

    if strengths is None:
        retrained = info.place in ("data", "training")
        strengths = RETRAIN_STRENGTHS if retrained else sweeps.GRID if measure is None else PROBE_STRENGTHS
    return sweeps.trace(lambda value: at(value).lists.items, judge, strengths, measure=measure, progress=progress)


def aims(mitigation: Mapping[str, Any] | None) -> tuple[Aim, ...]:
    """What the mitigation of lists (as their entry's meta says it) was meant to move: one aim for each attribute."""
    from fairdash.compare import Aim
    from fairdash.metrics.catalogue import METRICS

    if mitigation is None:
        return ()
    chosen = Mitigation.from_json(mitigation)
    info = find_method(chosen.method).info
    groups: tuple[GroupSpec, ...] = ()
    if "user_groups" in info.needs or METRICS[info.target].side == "model":
        groups = balanced(chosen)
    if not groups and chosen.item_group is not None and "item_groups" in info.needs:
        groups = (chosen.item_group,)
    return tuple(Aim(info.target, group.label) for group in groups) or (Aim(info.target),)


def _model_target(at: Outcome, chosen: Mitigation, key: str, k: int) -> NDArray[np.float64]:
    """A target of the model side on validation: value and replicates [1 + r], lower or higher as the metric has it, of
    the attribute where it is unfairest; for one whose fair value lies in the middle, the distance from there counts."""
    from fairdash.metrics.catalogue import METRICS
    from fairdash.model_audit import by_construction, measures

    split = at.run.split
    nobody = split.training.valid.take(np.zeros(0, dtype=np.int64))
    past = replace(split, training=split.training.with_(valid=nobody), test=split.training.valid)
    found = measures(
        at.run.fitted, past, chosen.groups, at.lists, k=k, vectors=at.vectors, replicates=TUNING_REPLICATES
    )
    info = METRICS[key]
    each = []
    for group in chosen.groups:
        one = by_construction(found[group.label][key], TUNING_REPLICATES)
        values: NDArray[np.float64] = np.concatenate([[one.value], one.replicates])
        if key == "probe_auc":  # below 0.5 a cross-fitted probe reads chance: an overfitted removal, and no leak
            values = np.maximum(values, 0.5)
        each.append(values if info.target is None else info.target + np.abs(values - info.target))
    return sweeps.unfairest(each, info.better if info.target is None else -1)


def _outcomes(
    run: Run, chosen: Mitigation, k: int, part: str, retrain: Retrain, progress: Progress
) -> Callable[[float], Outcome]:
    """The method's outcome at any strength: what does not depend on it is done once, and no strength twice."""
    method = find_method(chosen.method)
    groups = form_groups(chosen.groups, run.split.training.users)
    if "user_groups" in method.info.needs and not groups:
        raise ConfigError(
            f"{method.info.title} needs groups of people; none were given.", "Choose a user attribute with --group."
        )
    own = Outcome(run, run.candidates(part).top(k), _vectors(run, part))
    if method.info.place in ("data", "training"):
        spec = TrainSpec.of(run)

        def trained(strength: float) -> Outcome:
            changed = replace(chosen, strength=strength)
            made = retrain(replace(spec, mitigations=(*spec.mitigations, changed)), progress)
            return Outcome(made, made.candidates(part).top(k))

        outcome: Callable[[float], Outcome] = trained
    elif method.info.place == "vectors":
        outcome = _by_vectors(run, method, groups, k, part)
    else:
        outcome = _by_reranking(run, method, chosen, k, part)
    return cache(lambda strength: own if strength == 0.0 else outcome(strength))


def _by_reranking(run: Run, method: Any, chosen: Mitigation, k: int, part: str) -> Callable[[float], Outcome]:
    data = run.split.training
    reranker = method.reranker(rerank_input(run, chosen, k, part))
    candidates = run.candidates(part)
    row = np.arange(data.n_users, dtype=np.int64)[:, None] * (data.n_items + 1)
    keys = (row + candidates.items).ravel()  # one number a (user, candidate)
    order = np.argsort(keys, kind="stable")

    def outcome(strength: float) -> Outcome:
        items = reranker(strength)
        # The scores stay the recommender's own: they are looked up where the item stands among the candidates.
        place = order[np.searchsorted(keys, (row + items).ravel(), sorter=order).clip(max=len(keys) - 1)]
        scores = candidates.scores.ravel()[place].reshape(items.shape)
        return Outcome(run, Lists(items, np.where(items >= 0, scores, np.float32(np.nan))), _vectors(run, part))

    return outcome


def _by_vectors(run: Run, method: Any, groups: list[Groups], k: int, part: str) -> Callable[[float], Outcome]:
    from fairdash import ranking
    from fairdash.recommenders.base import VectorFitted

    fitted, data = run.fitted, run.split.training
    if not isinstance(fitted, VectorFitted):
        raise ConfigError(
            f"{fitted.name} has no user vectors, which {method.info.key} changes.",
            "Choose a run of bert_sequence, or a re-ranking method.",
        )
    history = data.train if part == "valid" else run.split.known
    seen = history.matrix(data.n_users, data.n_items)
    hashes = id_hash(data.items[ITEM_ID])
    before = _vectors(run, part)
    vectors = fitted.user_vectors(np.arange(data.n_users, dtype=np.int32), history) if before is None else before

    def outcome(strength: float) -> Outcome:
        moved = method.fit(vectors, groups, strength, run.meta["seed"])(vectors, groups)
        parts = [
            ranking.top_k(fitted.score_vectors(moved[start:stop]), seen[start:stop], k, hashes, run.meta["seed"])
            for start, stop in ranking.batches(data.n_users, data.n_items)
        ]
        lists = Lists(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))
        return Outcome(run, lists, moved)

    return outcome


def rerank_input(run: Run, chosen: Mitigation, k: int, part: str) -> RerankInput:
    """What a re-ranker may see of a run, for validation or for test: never test truth."""
    from fairdash.metrics.inputs import item_groups
    from fairdash.mitigation.base import RerankInput
    from fairdash.recommenders.base import ProbabilityFitted

    data = run.split.training
    history = data.train if part == "valid" else run.split.known
    popularity = np.bincount(history.item, minlength=data.n_items).astype(np.float64)
    between = balanced(chosen)
    users = form_groups(between, data.users)
    items = None if chosen.item_group is None else item_groups(chosen.item_group, data.items, popularity)
    candidates = run.candidates(part)
    probability = None
    info = find_method(chosen.method).info
    predicting = run.fitted if run.has_model and isinstance(run.fitted, ProbabilityFitted) else None
    if "probabilities" in info.needs and predicting is None:
        raise ConfigError(
            f"{chosen.method} needs the probability that a person likes an item, which this run does not predict.",
            "Choose a run of bert_pair.",
        )
    if predicting is not None and "probabilities" in (*info.needs, *info.wants):
        row, place = np.nonzero(candidates.items >= 0)
        probability = np.full(candidates.items.shape, np.nan, dtype=np.float32)
        pairs = (row.astype(np.int32), candidates.items[row, place])
        probability[row, place] = predicting.probability(*pairs, history)
    likes = data.valid
    if data.relevance_threshold is not None:
        likes = likes.take(np.flatnonzero(likes.rating >= data.relevance_threshold))
    return RerankInput(
        candidates=candidates,
        k=k,
        n_items=data.n_items,
        history=history.matrix(data.n_users, data.n_items),
        popularity=popularity,
        categories=Categories.of(data.items),
        user_groups=users[0] if users else None,
        item_groups=items,
        probability=probability,
        valid=likes.matrix(data.n_users, data.n_items),
        # what is fitted on validation likes needs the candidates of that time: at test they are history
        fitting=None if part == "valid" else rerank_input(run, chosen, k, "valid"),
        seed=run.meta["seed"],
        user_least=min((group.min_size for group in between), default=settings.MIN_GROUP_SIZE),
        item_least=settings.MIN_GROUP_SIZE if chosen.item_group is None else chosen.item_group.min_size,
    )
