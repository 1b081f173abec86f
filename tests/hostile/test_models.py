"""Models that a person brings: what does not fit is refused with a message and a hint, and nothing is unpickled."""

from __future__ import annotations

import json
import pickle
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from transformers import AutoModel

from fairdash import settings
from fairdash.errors import ModelError
from fairdash.recommenders import store, text

CONFIG = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 10}


def model_folder(folder: Path, config: Any = CONFIG, weights: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    if weights:
        save_file({"x": np.zeros(1, np.float32)}, folder / "model.safetensors")
    return folder


class Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "no valid json"),
        ("[1]", "object"),
        ('{"a":' * 100_000, "no valid json"),
        ({**CONFIG, "model_type": "gpt2"}, "encoder"),
        ({}, "encoder"),
        ({**CONFIG, "hidden_size": 10**12}, "hidden_size"),
        ({**CONFIG, "num_hidden_layers": -1}, "num_hidden_layers"),
        ({**CONFIG, "vocab_size": "many"}, "vocab_size"),
        ({**CONFIG, "num_attention_heads": 3}, "cannot be opened"),
        (CONFIG, "do not belong|is described with"),
        ({**CONFIG, "num_labels": 10**9}, "num_labels"),
        ({**CONFIG, "model_type": "distilbert", "dim": 10**9}, "dim"),
        ({**CONFIG, "model_type": "distilbert", "n_layers": 10**6}, "n_layers"),
        ({**CONFIG, "model_type": "albert", "num_hidden_groups": 10**6}, "num_hidden_groups"),
        ({**CONFIG, "model_type": "deberta-v2", "max_relative_positions": 10**12}, "max_relative_positions"),
        ({**CONFIG, "text_config": {"hidden_size": 10**9}}, "hidden_size"),
        ({**CONFIG, "hidden_size": 8192, "intermediate_size": 32768, "num_hidden_layers": 96}, "is described with"),
        (
            {
                **CONFIG,
                "model_type": "distilbert",
                "sinusoidal_pos_embds": True,
                "max_position_embeddings": 131072,
                "dim": 8192,
            },
            "max_position_embeddings",
        ),
        ({**CONFIG, "pad_token_id": 10}, "pad_token_id"),
        ({**CONFIG, "pad_token_id": "x"}, "pad_token_id"),
        ({**CONFIG, "dtype": "float1"}, "dtype"),
        ({**CONFIG, "torch_dtype": ["float32"]}, "torch_dtype"),
        ({**CONFIG, "quantization_config": {"quant_method": "gptq"}}, "quantization_config"),
        ({**CONFIG, "_attn_implementation": "kernels-community/x"}, "_attn_implementation"),
        ({**CONFIG, "hidden_act": "evil"}, "cannot be opened"),
        ({**CONFIG, "id2label": [1]}, "cannot be opened"),
        ({**CONFIG, "auto_map": {"AutoModel": "evil.Model"}, "model_type": "evil"}, "encoder"),
    ],
)
def test_bad_configs(tmp_path: Path, config: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        store.pretrained(str(model_folder(tmp_path / "m", config)), AutoModel)
    assert error.value.hint


@pytest.mark.parametrize("place", ["/etc/passwd", "../vocab.txt", "a/vocab.txt", 7])
def test_a_tokenizer_names_no_file_outside_of_its_folder(tmp_path: Path, place: Any) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "tokenizer_config.json").write_text(json.dumps({"vocab_file": place}))
    with pytest.raises(ModelError, match="outside of the model: vocab_file"):
        store.pretrained(str(folder), AutoModel)


def test_pickled_weights_alone_are_refused_unopened(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", weights=False)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError, match="pickled"):
        store.pretrained(str(folder), AutoModel)
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(ModelError, match="no weights"):
        store.pretrained(str(folder), AutoModel)


def test_tokenizer_of_another_model(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    model, _ = store.pretrained(str(text.bundled()), AutoModel)
    model.resize_token_embeddings(100)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (folder / name).write_bytes((text.bundled() / name).read_bytes())
    with pytest.raises(ModelError, match="30,522 words"):
        store.pretrained(str(folder), AutoModel)


def test_name_without_network_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    store.online.cache_clear()
    with pytest.raises(ModelError, match="cannot be reached"):
        store.pretrained("someone/some-model", AutoModel)
    store.online.cache_clear()


def test_saved_recommenders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no file"):
        store.load(tmp_path)
    (tmp_path / "fairdash.json").write_text(json.dumps({"format": 99, "name": "ease"}))
    with pytest.raises(ModelError, match="unknown here"):
        store.load(tmp_path)
    (tmp_path / "fairdash.json").write_text(json.dumps({"format": 1, "name": "os.system"}))
    with pytest.raises(ModelError, match="unknown here"):
        store.load(tmp_path)
    for name in ("ease", "bert_sequence"):
        (tmp_path / "fairdash.json").write_text(json.dumps({"format": 1, "name": name}))
        (tmp_path / "fairdash.safetensors").unlink(missing_ok=True)
        with pytest.raises(ModelError, match="no file"):
            store.load(tmp_path)
        (tmp_path / "fairdash.safetensors").write_bytes(b"\xff" * 100)
        with pytest.raises(ModelError, match="damaged"):
            store.load(tmp_path)
        save_file({"other": np.zeros(1, np.float32)}, tmp_path / "fairdash.safetensors")
        with pytest.raises(ModelError, match="do not fit"):
            store.load(tmp_path)


def zipped(path: Path, members: dict[str, bytes], modes: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, content)
    return path


GOOD = {"model/config.json": b"{}", "model/model.safetensors": b"x"}


def test_a_good_archive(tmp_path: Path) -> None:
    folder = store.unpack(zipped(tmp_path / "m.zip", GOOD), tmp_path / "out")
    assert folder == tmp_path / "out" / "model"
    assert (folder / "model.safetensors").read_bytes() == b"x"


def test_threads_that_unpack_the_same_archive_at_once_all_find_it_whole(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "m.zip", {**GOOD, **{f"model/{i}.txt": b"x" * 1000 for i in range(40)}})
    for turn in range(5):
        start = Barrier(8)

        def found(_: int, work: Path = tmp_path / f"out{turn}", start: Barrier = start) -> int:
            start.wait()
            return len(list(store.unpack(archive, work).iterdir()))

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(found, range(8))) == [42] * 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.zip", *(f"out{turn}" for turn in range(5))]


def test_two_archives_in_one_place_do_not_meet(tmp_path: Path) -> None:
    zips = [zipped(tmp_path / f"{name}.zip", {store.MANIFEST: name.encode()}) for name in ("a", "b")]
    found = [store.locate(str(one), tmp_path / "work") for one in zips]
    assert [(folder / store.MANIFEST).read_text() for folder in found] == ["a", "b"]


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "a\\..\\evil"])
def test_paths_that_leave_the_archive(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="outside"):
        store.unpack(zipped(tmp_path / "m.zip", {**GOOD, name: b"x"}), tmp_path / "out")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "members",
    [["model", "model/config.json"], ["model/config.json", "model"], ["a/" * 1000 + "x"], ["/".join("a" * 40) + "/x"],
     ["x" * 300], [""], ["."]],
)  # fmt: skip
def test_names_that_no_folder_can_hold(tmp_path: Path, members: list[str]) -> None:
    archive = zipped(tmp_path / "m.zip", {**GOOD, **dict.fromkeys(members, b"x")})
    with pytest.raises(ModelError) as error:
        store.unpack(archive, tmp_path / "out")
    assert error.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["m.zip"]


def test_links_pickles_bombs_and_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    link = zipped(tmp_path / "1.zip", {**GOOD, "link": b"/etc/passwd"}, {"link": stat.S_IFLNK | 0o777})
    with pytest.raises(ModelError, match="link"):
        store.unpack(link, out)
    with pytest.raises(ModelError, match="pickle"):
        store.unpack(zipped(tmp_path / "2.zip", {**GOOD, "model/pytorch_model.bin": b"x"}), out)
    with pytest.raises(ModelError, match="no model"):
        store.unpack(zipped(tmp_path / "3.zip", {"readme.txt": b"x"}), out)
    (tmp_path / "4.zip").write_bytes(b"PK no zip")
    with pytest.raises(ModelError, match="no zip"):
        store.unpack(tmp_path / "4.zip", out)
    monkeypatch.setattr(settings, "MAX_ZIP_MEMBERS", 3)
    with pytest.raises(ModelError, match="files"):
        store.unpack(zipped(tmp_path / "5.zip", {**GOOD, **{f"f{i}": b"" for i in range(3)}}), out)
    monkeypatch.setattr(settings, "MAX_UNPACKED_MB", 1)
    bomb = zipped(tmp_path / "6.zip", {**GOOD, "big": b"\0" * (3 << 20)})
    with pytest.raises(ModelError, match="more than 1 MB"):
        store.unpack(bomb, tmp_path / "bomb")
    raw = bytearray(bomb.read_bytes())
    size = (3 << 20).to_bytes(4, "little")
    for _ in range(2):  # a header that lies about the size, in both places that say it
        place = raw.find(size)
        raw[place : place + 4] = (5).to_bytes(4, "little")
    bomb.write_bytes(raw)
    with pytest.raises(ModelError):
        store.unpack(bomb, tmp_path / "bomb")
    encrypted = zipped(tmp_path / "7.zip", GOOD)
    raw = bytearray(encrypted.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.find(mark) + offset] |= 1
    encrypted.write_bytes(raw)
    with pytest.raises(ModelError, match="cannot be read"):
        store.unpack(encrypted, tmp_path / "locked")


def test_a_safetensors_header_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.safetensors"
    save_file({"a": np.ones(1, np.float32)}, file)
    n = int.from_bytes(file.read_bytes()[:8], "little")
    monkeypatch.setattr(store, "MAX_HEADER_BYTES", n)
    assert store.read_arrays(file)["a"] == 1
    monkeypatch.setattr(store, "MAX_HEADER_BYTES", n - 1)
    with pytest.raises(ModelError, match="header"):
        store.read_arrays(file)
