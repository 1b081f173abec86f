"""What comes from outside: another system's lists, with our split or with a split of its own, or a model."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fairdash import words
from fairdash.data.findings import Finding
from fairdash.data.given import given_split
from fairdash.data.lists import read_lists
from fairdash.entries import import_lists, put_dataset
from fairdash.errors import DataError
from fairdash.hashing import digest
from fairdash.jobs import runner
from fairdash.recommenders import store
from fairdash.schema import Split
from fairdash.ui import forms, load, parts, state, training

DOORS = {
    "lists": words.later("Lists for this data"),
    "own": words.later("Lists with their own test"),
    "model": words.later("A model"),
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
    _keep(_source(file), split, known)


def _keep(source: tuple[str, bytes], split: Split, seen: Any = None) -> None:
    lists, findings = read_lists(source, split.training.users, split.training.items, seen=seen, seed=split.seed)
    told = int((lists.items >= 0).any(axis=1).sum())
    deepest = int((lists.items >= 0).sum(axis=1).max())
    people = words.say(
        "{told} of {n_users}", told=words.count(told, "person", "people"), n_users=split.training.n_users
    )
    st.success(
        words.say("Read lists for {people}, at most {deepest} items each.", people=people, deepest=deepest),
        icon=":material/task_alt:",
    )
    _say(findings)
    title = st.text_input(words.say("Name of the system"), Path(source[0]).stem, max_chars=60, key="system").strip()
    if st.button(words.say("Keep these lists"), type="primary", icon=":material/check:", key="keep-lists"):
        made = import_lists(state.workspace(), split, lists, title or source[0], state.get("data"))
        state.put("lists", made["lists"])
        st.switch_page(state.page("audit"), query_params=state.link())


def _say(findings: Sequence[Finding]) -> None:
    for finding in findings:
        icon = ":material/warning:" if finding.severity == "warning" else ":material/info:"
        st.markdown(f"{icon} {words.plain(finding.message, 600)}")


def _own() -> None:
    st.caption(
        words.say(
            "For an audit without our data or our split: the lists, what was held out, and who the people "
            "are. Items and what was known before make more metrics possible."
        )
    )
    wanted = zip(
        words.several("Lists", "Held out", "People", "Items", "Known before"),
        (True, True, False, False, False),
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
    if lists is None or truth is None:
        return
    others = {label: None if file is None else _source(file) for label, file in files.items()}
    name = Path(truth.name).stem
    dataset, split, findings = given_split(
        _source(truth),
        others["People"],
        others["Items"],
        others["Known before"],
        name=words.say("{name} (own test)", name=name),
    )
    _say([finding for finding in findings if finding.severity != "info"])
    if st.session_state.get("keep-lists"):
        state.put("data", put_dataset(state.workspace(), dataset))
    _keep(_source(lists), split)


def _model(data: str) -> None:
    st.caption(
        words.say(
            "The zip of a recommender that FairDash saved, or of a BERT in safetensors. Pickled weights are "
            "never opened, and nothing that came with a model is run."
        )
    )
    file = st.file_uploader(words.say("Model folder as a zip"), ["zip"], key="model-file")
    if file is None:
        return
    raw = file.getvalue()
    folder = state.workspace().root / "uploads" / digest(file.name, raw)
    if not folder.is_dir():
        archive = folder.with_suffix(".incoming") / Path(file.name).name  # its name stands in messages
        archive.parent.mkdir(parents=True, exist_ok=True)
        archive.write_bytes(raw)
        try:
            store.unpack(archive, folder)
        finally:
            shutil.rmtree(archive.parent)
    place = _inside(folder)
    if (place / store.MANIFEST).is_file():
        manifest = store.read_json(place / store.MANIFEST, words.say("Bring the whole folder of the model."))
        st.success(
            words.say("A recommender that FairDash saved: {name}.", name=words.plain(manifest.get("name"))),
            icon=":material/task_alt:",
        )
        spec = forms.split(load.dataset(data))
        if st.button(words.say("Use it as it is"), type="primary", icon=":material/check:", key="use-model"):
            options = {"start": str(place), "epochs": 0}
            params = {"dataset": data, "split": spec, "recommender": "bert_sequence", "options": options, "seed": 0,
                      "device": "auto"}  # fmt: skip
            state.put(
                "job", runner.submit(state.workspace(), "train", words.say("Load {title}", title=file.name), params)
            )
            st.switch_page(state.page("recommender"), query_params=state.link())
        _train(words.later("Fine-tune it"), "bert_sequence", start=str(place))
    else:
        config = store.check_pretrained(place)
        kind, layers = config.get("model_type"), config.get("num_hidden_layers")
        st.success(
            words.say("A {kind} encoder with {layers} layers.", kind=words.plain(kind), layers=words.plain(layers)),
            icon=":material/task_alt:",
        )
        _train(words.later("Use it for the texts of items and people"), "bert_sequence", encoder=str(place))
        _train(words.later("Fine-tune it on pairs"), "bert_pair", base=str(place))


def _inside(folder: Path) -> Path:
    for name in (store.MANIFEST, "config.json"):
        found = sorted(folder.rglob(name), key=lambda path: len(path.parts))
        if found:
            return found[0].parent
    raise DataError(
        words.say("The archive holds no model."), words.say("Pack the folder with config.json and model.safetensors.")
    )


def _train(label: str, recommender: str, **options: str) -> None:
    parts.act(
        words.say(label),
        training.prefill,
        recommender,
        options,
        icon=":material/arrow_forward:",
        key=f"prefill-{label}",
    )
