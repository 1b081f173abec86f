"""Pictures of items: from a zip to a run folder, and all that may be wrong with one."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fairdash import data, images, settings
from fairdash.data import split as splits
from fairdash.data import synthetic
from fairdash.errors import DataError
from fairdash.run import read_split, write_split
from fairdash.schema import Dataset

LOG = ("log.csv", b"user_id,item_id\n" + b"".join(b"u%d,i%d\n" % (u, (u + i) % 5) for u in range(6) for i in range(3)))


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 200), colour: str = "red", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind)
    return out.getvalue()


def packed(files: dict[str, bytes]) -> tuple[str, bytes]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return "covers.zip", out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes that says it is so large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")


def test_from_a_zip_to_a_run_folder(tmp_path: Path) -> None:
    files = {f"covers/i{i}.{kind}": picture(kind.upper()) for i, kind in enumerate(("png", "webp", "gif"))}
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    out = io.BytesIO()
    clear.save(out, "PNG")
    files |= {"covers/i3.PNG": out.getvalue(), "covers/nobody.jpg": b"not even read", "__MACOSX/._i4.png": b"x"}
    dataset, findings = data.build(LOG, item_images=packed(files))
    seen = dict(zip(dataset.items["item_id"], dataset.item_images or (), strict=True))
    assert seen["i4"] is None
    for item in ("i0", "i1", "i2"):
        with Image.open(io.BytesIO(seen[item] or b"")) as small:
            assert (small.format, small.size) == ("JPEG", (images.SIDE, round(images.SIDE * 2 / 3)))
        assert np.abs(images.pixels(seen[item] or b"", 8).astype(int) - [255, 0, 0]).max() < 8
    assert images.pixels(seen["i3"] or b"", 8).min() > 247  # what is clear stands on white
    (said,) = (finding for finding in findings if finding.key == "images")
    assert (said.severity, said.count) == ("warning", 1)
    assert "files of covers.zip that are of none of them: 1" in said.message

    data.save(dataset, tmp_path / "data")
    again = data.load(tmp_path / "data")
    assert again.item_images == dataset.item_images
    split = splits.split(again, "user-random:0.7")
    write_split(split, tmp_path / "run")
    opened = read_split(tmp_path / "run")
    assert opened.training.item_images == dataset.item_images
    assert opened.digest == split.digest
    bare = replace(dataset, item_images=None)
    assert bare.digest not in (dataset.digest, replace(dataset, item_images=(None, *dataset.item_images[1:])).digest)
    assert splits.split(bare, "user-random:0.7").digest != split.digest
    (tmp_path / "run" / images.FILE).write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match="pictures"):
        read_split(tmp_path / "run")


def test_a_column_names_the_pictures() -> None:
    items = b"item_id,title,image\ni0,One,./a/x.png\ni1,Two,a/y.png\ni2,Three,\ni3,Four,a/none.png\ni4,Five,a/x.png\n"
    files = packed({"all/a/x.png": picture(colour="red"), "all/a/y.png": picture(colour="blue")})
    dataset, _ = data.build(LOG, items=("items.csv", items), item_images=files)
    seen = dict(zip(dataset.items["item_id"], dataset.item_images or (), strict=True))
    assert [item for item, one in seen.items() if one is None] == ["i2", "i3"]
    assert seen["i0"] == seen["i4"] != seen["i1"]
    assert list(dataset.items.columns) == ["item_id", "title"]  # the paths are no attribute
    assert "image" in data.build(LOG, items=("items.csv", items))[0].items


def test_what_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, said in (
        (("covers.zip", b"PK\x03\x04 no"), "no zip archive"),
        (packed({"i0.png": b"GIF89a no picture"}), "i0.png cannot be read as a picture"),
        (packed({"i0.png": picture("BMP")}), "cannot be read as a picture"),  # a format of old, with holes
        (packed({"i0.png": bomb(200_000, 100_000)}), "picture"),
        (packed({"i0.png": bomb(8_000, 6_000)}), "8000 × 6000|8,000 × 6,000"),
        (packed({"i0.png": picture()[:80]}), "cannot be read as a picture"),
        (packed({"i0.png": bytes(images.MAX_BYTES + 5)}), "a picture may have"),
        (packed({"../i0.png": picture()}), "outside itself"),
        (packed({"C:\\i0.png": picture()}), "outside itself"),
        (packed({"a/i0.png": picture(), "b/i0.jpg": picture("JPEG")}), "two pictures"),
        (packed({"x.png": picture()}), "No picture of covers.zip"),
        (packed({}), "No picture"),
    ):
        with pytest.raises(DataError, match=said) as caught:
            data.build(LOG, item_images=files)
        assert caught.value.hint
    monkeypatch.setattr(settings, "MAX_IMAGES", 1)
    with pytest.raises(DataError, match="at most 1"):
        data.build(LOG, item_images=packed({"i0.png": picture(), "i1.png": picture()}))


def test_only_our_own_pictures_fit() -> None:
    dataset = data.build(LOG)[0]
    for wrong in ((None,) * 4, (None,) * 4 + (picture(),)):
        with pytest.raises(DataError, match="for 5 items"):
            replace(dataset, item_images=wrong)


def test_covers_tell_the_categories() -> None:
    dataset, _ = synthetic.make(n_users=30, n_items=80, covers=0.8)
    again, _ = synthetic.make(n_users=30, n_items=80, covers=0.8)
    plain, _ = synthetic.make(n_users=30, n_items=80)
    assert dataset.item_images == again.item_images
    assert dataset.digest != plain.digest
    assert dataset.interactions.equals(plain.interactions)
    has = np.array([one is not None for one in _of(dataset)])
    assert 0.65 < has.mean() < 0.95
    look = np.stack([images.pixels(one, 16).reshape(-1, 3).mean(0) for one in _of(dataset) if one is not None])
    genre = dataset.items["categories"].str.split("|").str[0].to_numpy()[has]
    apart = np.linalg.norm(look[:, None] - look, axis=2) + 1e9 * np.eye(len(look))
    assert (genre[apart.argmin(1)] == genre).mean() > 0.7


def _of(dataset: Dataset) -> images.Images:
    assert dataset.item_images is not None
    return dataset.item_images
