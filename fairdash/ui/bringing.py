"""What comes from outside: another system's lists, with our split or with a split of its own, or a model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fairdash import columns, entries, recommenders, words
from fairdash.data import ImportOptions, questions
from fairdash.data.brought import bring, entered
from fairdash.data.findings import Finding
from fairdash.data.given import given_split
from fairdash.data.lists import read_systems
from fairdash.errors import FairDashError
from fairdash.hashing import digest
from fairdash.jobs import runner
from fairdash.metrics.inputs import lists_for
from fairdash.recommenders import store
from fairdash.recommenders.options import Brought
from fairdash.schema import USER_ID, Lists, Split
from fairdash.ui import asking, forms, load, parts, state, training
from fairdash.workspace import aside

DOORS = {
    "lists": words.later("Lists for this data"),
    "own": words.later("Lists with their own test"),
    "model": words.later("A model"),
}
_KINDS: dict[Brought, str] = {
    "encoder": words.later("an encoder of texts"),
    "bert": words.later("a BERT to train further"),
    "images": words.later("an encoder of images"),
    "language": words.later("a language model"),
}
_TABLES = ["csv", "tsv", "txt", "dat", "data", "parquet", "pq"]


def section(data: str | None) -> None:
    """Three doors."""
    doors = list(DOORS) if data else ["own"]
    what = st.segmented_control(
        words.say("What do you bring"), doors, required=True, format_func=lambda key: words.say(DOORS[key]),
        **state.pick("bring", doors),
    )  # fmt: skip
    with parts.errors():
        if what == "lists":
            _lists(data or "")
        elif what == "own":
            _own()
        else:
            _model(data or "")


def _source(file: UploadedFile) -> tuple[str, bytes]:
    return file.name, file.getvalue()


def _lists(data: str) -> None:
    st.caption(
        words.say(
            "A table with a person, an item, and a rank or a score, of any recommender. It is measured "
            "against the held-out part of the data set in view, so it should have been made from the known "
            "part alone."
        )
    )
    spec = forms.split(load.dataset(data))
    file = st.file_uploader(words.say("Lists"), _TABLES, key="lists-file")
    if file is None:
        return
    split = load.split(data, spec)
    known = split.known.matrix(split.training.n_users, split.training.n_items)
    people, items = split.training.users, split.training.items
    key = digest(*_source(file))
    options = asking.options(key)
    with _correctable([_source(file)], options, key):
        hidden = entries.hidden(state.workspace(), data)
        systems = read_systems(
            _source(file), people, items, seen=known, seed=split.seed, options=options, hidden=hidden
        )
        _keep(file.name, split, systems, key)


@contextmanager
def _correctable(sources: Sequence[tuple[str, bytes]], options: ImportOptions, key: str) -> Iterator[None]:
    """What is shown of files and, also where they could not be read, the controls that read them otherwise."""
    with parts.errors():
        yield
    names: list[str] = []
    for source in sources:
        with suppress(FairDashError):  # it was said above
            names += columns.names(entered(source, "recommendations", options, []).frame)
    with st.expander(words.say("Columns, reading and values"), icon=":material/edit:", key="values"):
        asking.controls(options, key, "interactions", "lists", names=list(dict.fromkeys(names)))
        asking.controls(options, key, "reading", but=("name", "roles", "repairs", "category_separator"))
        asking.controls(options, key, "values", but=("k_core",))
    asking.given(key)
    asking.earlier(key)


def _keep(file: str, split: Split, systems: Mapping[str, tuple[Lists, Sequence[Finding]]], key: str) -> None:
    """What was read of each system, what is asked, and a button that keeps them all when nothing is."""
    asked = asking.open_questions(questions(one for _, findings in systems.values() for one in findings), key)
    asking.questions(asked, key)
    titles: dict[str, str] = {}
    said: list[Finding] = []
    for i, (name, (lists, findings)) in enumerate(systems.items()):
        told = int((lists.items >= 0).any(axis=1).sum())
        deepest = int((lists.items >= 0).sum(axis=1).max())
        people = words.say(
            "{told} of {n_users}", told=words.count(told, "person", "people"), n_users=split.training.n_users
        )
        told_box = words.say("Read lists for {people}, at most {deepest} items each.", people=people, deepest=deepest)
        if asked:
            st.info(told_box, icon=":material/help:")
        else:
            st.success(told_box, icon=":material/task_alt:")
        _say([finding for finding in findings if finding not in said and finding.question is None])
        said += findings
        title = st.text_input(
            words.say("Name of the system"), name or Path(file).stem, max_chars=60, key=f"system-{i}"
        ).strip()
        titles[name] = title or name or file
    reason = asking.reason(asked)
    if reason:
        st.caption(reason)
    parts.submit(words.say("Keep these lists"), _import, split, systems, titles, type="primary",
                 icon=":material/check:", key="keep-lists", disabled=bool(asked), help=reason)  # fmt: skip


def _import(split: Split, systems: Mapping[str, tuple[Lists, Sequence[Finding]]], titles: Mapping[str, str]) -> None:
    """Keep the lists of each system under its title, and look at an audit of the first."""
    made = [
        entries.import_lists(state.workspace(), split, lists, titles[name], state.get("data"), findings)
        for name, (lists, findings) in systems.items()
    ]
    state.put("lists", made[0]["lists"])
    st.switch_page(state.page("audit"), query_params=state.link())


def _say(findings: Sequence[Finding]) -> None:
    for finding in findings:
        icon = ":material/warning:" if finding.severity == "warning" else ":material/info:"
        st.markdown(f"{icon} {words.plain(words.again(finding.message), 600)}")


def _own() -> None:
    st.caption(
        words.say(
            "For an audit without our data or our split: the lists, what was held out, and who the people "
            "are. Items and what was known before make more metrics possible; without what was held out there is "
            "no accuracy."
        )
    )
    wanted = zip(
        words.several("Lists", "Held out", "People", "Items", "Known before"),
        (True, False, False, False, False),
        strict=True,
    )
    files: dict[str, UploadedFile | None] = {}
    for column, (label, needed) in zip(st.columns(5), wanted, strict=True):
        with column:
            files[label] = st.file_uploader(
                words.say(label) if needed else words.say("{label} (optional)", label=words.say(label)),
                _TABLES,
                key=f"own-{label}",
            )
    lists, truth = files["Lists"], files["Held out"]
    if lists is None:
        return
    others = {label: None if file is None else _source(file) for label, file in files.items()}
    name = Path((truth or lists).name).stem
    known = others["Known before"]
    sources = [_source(file) for file in files.values() if file is not None]
    key = digest(*(part for source in sources for part in source))
    options = asking.options(key)
    with _correctable([_source(file) for file in (lists, truth) if file is not None], options, key):
        held = others["Held out"]
        tables = bring(_source(lists), held, others["People"], known, others["Items"], options=options)
        # Lists are audited here as by the command line, to the last digit, unless somebody chooses otherwise.
        if asking.pseudonyms(usual=False):
            tables = entries.pseudonyms(state.workspace()).brought(tables)
        dataset, split = given_split(tables, words.say("{name} (own test)", name=name))
        if st.session_state.get("keep-lists"):
            state.put("data", entries.put_dataset(state.workspace(), dataset))
        users = split.training.users[USER_ID]
        _keep(lists.name, split, {system: lists_for(tables, system, users) for system in tables.systems}, key)


def _model(data: str) -> None:
    st.caption(
        words.say(
            "The zip of a recommender that FairDash saved, or of a BERT, an image encoder or a language model in "
            "safetensors. Pickled weights are never opened, and nothing that came with a model is run."
        )
    )
    file = st.file_uploader(words.say("Model folder as a zip"), ["zip"], key="model-file")
    if file is None:
        return
    raw = file.getvalue()
    folder = state.workspace().changing().root / "uploads" / digest(file.name, raw)
    if not folder.is_dir():
        archive = aside(folder) / Path(file.name).name  # its name stands in messages
        archive.parent.mkdir(parents=True)
        archive.write_bytes(raw)
        try:
            store.unpack(archive, folder)
        finally:
            shutil.rmtree(archive.parent)
    place = store.within(folder)
    if (place / store.MANIFEST).is_file():
        manifest = store.read_json(place / store.MANIFEST, words.say("Bring the whole folder of the model."))
        name = recommenders.find(str(manifest.get("name"))).name
        st.success(
            words.say("A recommender that FairDash saved: {name}.", name=words.plain(name)),
            icon=":material/task_alt:",
        )
        for spec in recommenders.taking("saved").get(name, ()):
            held_out = forms.split(load.dataset(data))
            options = {spec.name: str(place), "epochs": 0}
            params = {"dataset": data, "split": held_out, "recommender": name, "options": options, "seed": 0,
                      "device": "auto"}  # fmt: skip
            parts.submit(words.say("Use it as it is"), _use, words.say("Load {title}", title=file.name), params,
                         type="primary", icon=":material/check:", key="use-model")  # fmt: skip
        uses = {name: recommenders.taking("saved", "bert").get(name, ())}
        if not uses[name]:
            st.info(
                words.say("It cannot go on from what it learned elsewhere: train it on this data."),
                icon=":material/info:",
            )
    else:
        kind, models = store.brought(place)
        st.success(
            words.say(
                "A model of the kind {kind}: {what}.",
                kind=words.plain(kind),
                what=words.say(" or ").join(words.say(_KINDS[one]) for one in models),
            ),
            icon=":material/task_alt:",
        )
        uses = recommenders.taking(*models)
    for name, specs in uses.items():
        for spec in specs:
            parts.act(
                words.say(spec.metadata["use"]),
                training.prefill,
                name,
                {spec.name: str(place)},
                icon=":material/arrow_forward:",
                key=f"prefill-{name}-{spec.name}",
            )


def _use(title: str, params: dict[str, Any]) -> None:
    state.put("job", runner.submit(state.workspace(), "train", title, params))
