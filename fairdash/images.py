"""Pictures of items: how one that was brought becomes a small one of ours, and how they lie in a folder.

What is brought is never kept: it is decoded within bounds and drawn anew as a JPEG of at most SIDE pixels a side, in
plain RGB, without whatever else was in the file. Only these go into data sets, run folders, encoders and pages.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from fairdash import words
from fairdash.errors import DataError

Images = tuple[bytes | None, ...]  # a JPEG of each item, in the order of their table; None where there is none

SIDE = 160  # pixels, the longer side
MAX_BYTES = 20_000_000  # of one file
MAX_PIXELS = 40_000_000  # of one picture, before it is decoded
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
FILE = "images.parquet"


def small(name: str, raw: bytes) -> bytes:
    """The picture as a JPEG of at most SIDE pixels a side; of an animation the first frame, what is clear on white.

    Raises DataError for what is no picture of the FORMATS, has more than MAX_BYTES or MAX_PIXELS, or is damaged."""
    from PIL import Image, ImageOps

    if len(raw) > MAX_BYTES:
        raise _refused(
            words.say("{name} has {size}; a picture may have {limit}.", name=name, size=words.size(len(raw)),
                      limit=words.size(MAX_BYTES))
        )  # fmt: skip
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as opened:
            width, height = opened.size
            if not 0 < width * height <= MAX_PIXELS:
                raise _refused(
                    words.say("{name} is {width} × {height} pixels; a picture may have {limit} in all.", name=name,
                              width=width, height=height, limit=MAX_PIXELS)
                )  # fmt: skip
            opened.draft("RGB", (2 * SIDE, 2 * SIDE))
            picture: Image.Image = ImageOps.exif_transpose(opened)
            if picture.has_transparency_data:
                clear = picture.convert("RGBA")
                picture = Image.new("RGB", clear.size, "white")
                picture.paste(clear, mask=clear.getchannel("A"))
            else:
                picture = picture.convert("RGB")
        picture.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=85)
    except DataError:
        raise
    except Exception as error:  # a decoder raises what it likes of a damaged or hostile file
        raise _refused(words.say("{name} cannot be read as a picture: {error}.", name=name, error=error)) from error
    return out.getvalue()


def _refused(message: str) -> DataError:
    hint = words.say("Bring pictures as {formats}, one a file.", formats=", ".join(FORMATS))
    return DataError(message, hint)


def pixels(image: bytes, side: int) -> Any:
    """One of ours as numbers: uint8 [side, side, 3], stretched to a square."""
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(image), formats=("JPEG",)) as opened:
        return np.asarray(opened.convert("RGB").resize((side, side), Image.Resampling.BICUBIC))


def uri(image: bytes | None) -> str | None:
    """One of ours as an address that holds it, for a table; None of none."""
    return None if image is None else f"data:image/jpeg;base64,{base64.b64encode(image).decode()}"


def check(images: Images | None, n: int) -> None:
    """Raises DataError where there is not one of ours, or None, for each of the n items."""
    if images is not None and (len(images) != n or not all(one is None or one[:2] == b"\xff\xd8" for one in images)):
        raise DataError(
            words.say("There are {m} pictures for {n} items, or one of them is no JPEG.", m=len(images), n=n),
            words.say("Give what `fairdash.images.small` makes, or None, for each item."),
        )


def save(folder: Path, images: Images | None) -> None:
    """Write them into a file of `folder`; none where there are none."""
    if images is not None:
        pa_parquet.write_table(pa.table({"image": pa.array(images, pa.binary())}), folder / FILE, compression="none")


def load(folder: Path) -> Images | None:
    """What `save` wrote. Raises DataError where the file is damaged."""
    file = folder / FILE
    if not file.exists():
        return None
    try:
        return tuple(pa_parquet.read_table(file)["image"].to_pylist())
    except (OSError, KeyError, pa.ArrowException) as error:
        raise DataError(
            words.say("The pictures in {folder} cannot be read: {error}.", folder=folder, error=error),
            "Import the data again.",
        ) from error
