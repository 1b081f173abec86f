"""Text of long tables, each different cell held once: a column of pandas' own text type in four bytes a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.arrays import ArrowStringArray

Codes = NDArray[np.int32]
_SAMPLE = 200_000  # cells that are looked at to tell whether they repeat
_TEXT = pd.StringDtype("pyarrow", na_value=np.nan)  # what pandas calls "str"


class Coded(ArrowStringArray):
    """Text [n] as places among the different cells, -1 where one is missing. It is of the type "str" and gives what any
    such array gives: pandas asks for `_pa_array`, which is then written out for that one answer. What keeps whole cells
    (rows, masks, copies) keeps the codes; what makes new text is an array as usual."""

    _dtype: Any
    _cache: dict[str, Any]  # of what pandas remembers
    _readonly: bool
    _codes: Codes | None = None
    _different: pa.Array
    _whole: pa.ChunkedArray

    @property
    def _pa_array(self) -> pa.ChunkedArray:
        if self._codes is None:
            return self._whole
        places = pa.array(self._codes, mask=self._codes < 0) if self._hasna else pa.array(self._codes)
        return pa.chunked_array([self._different.take(places)])

    @_pa_array.setter
    def _pa_array(self, texts: pa.ChunkedArray) -> None:
        self._codes, self._whole = None, texts

    def _with(self, codes: Codes) -> Coded:
        return _made(codes, self._different)

    def __len__(self) -> int:
        return len(self._whole) if self._codes is None else len(self._codes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _written, (self._pa_array.combine_chunks(),)

    def __getitem__(self, item: Any) -> Any:
        mask = isinstance(item, np.ndarray) and item.dtype.kind == "b"
        if self._codes is None or not (mask or isinstance(item, slice)):
            return super().__getitem__(item)
        return self._with(self._codes[item])

    def take(self, indices: Any, allow_fill: bool = False, fill_value: Any = None) -> Any:
        """The cells at these places, as pandas takes them."""
        places = np.asarray(indices)
        if self._codes is None or not len(self) or (allow_fill and (places < 0).any()):
            return super().take(indices, allow_fill=allow_fill, fill_value=fill_value)
        return self._with(self._codes[places])

    def isna(self) -> NDArray[np.bool_]:
        """Which cells are missing [n]."""
        return super().isna() if self._codes is None else self._codes < 0

    @property
    def _hasna(self) -> bool:
        if self._codes is None:
            return bool(self._whole.null_count)
        return bool(len(self._codes) and self._codes.min() < 0)

    def copy(self) -> Any:
        """The same cells, which never change in place."""
        return super().copy() if self._codes is None else self._with(self._codes)

    def view(self, dtype: Any = None) -> Any:
        """The same cells, to be read alone where these are."""
        if dtype is not None or self._codes is None:
            return super().view(dtype)
        same = self._with(self._codes)
        same._readonly = self._readonly
        return same

    @property
    def nbytes(self) -> int:
        """Bytes that are held."""
        return super().nbytes if self._codes is None else int(self._codes.nbytes + self._different.nbytes)


def _made(codes: Codes, different: pa.Array) -> Coded:
    array = Coded.__new__(Coded)
    array._codes, array._different, array._dtype, array._cache = codes, different, _TEXT, {}
    return array


def _written(texts: pa.Array) -> ArrowStringArray:
    return ArrowStringArray(texts, dtype=_TEXT)  # type: ignore[call-arg]  # its stubs have none


def column(texts: pa.ChunkedArray) -> ArrowStringArray:
    """Text [n] of Arrow as a column of pandas: coded where its cells repeat."""
    sample = texts.slice(0, _SAMPLE)
    if len(sample.unique()) > 0.5 * len(sample):
        return _written(texts)
    return _made(*encoded(texts))


def encoded(texts: pa.ChunkedArray) -> tuple[Codes, pa.Array]:
    """Text as numbers [n] in the order in which the different cells come, -1 where one is missing, and these."""
    parts = texts.dictionary_encode()
    codes: Codes = np.empty(len(texts), np.int32)
    first = 0
    for part in parts.chunks:
        codes[first : first + len(part)] = part.indices.fill_null(-1).to_numpy()
        first += len(part)
    different = parts.chunk(0).dictionary if parts.num_chunks else pa.array([], pa.large_string())
    return codes, different.cast(pa.large_string())


def coded(series: pd.Series) -> tuple[Codes, pa.Array]:
    """The same of a column of pandas, whose cells may be codes already: then these are put in the order in which they
    come, without those that are no more among them."""
    array = series.array
    if not isinstance(array, Coded) or array._codes is None:
        return encoded(pa.chunked_array(pa.array(series.astype("str").array, from_pandas=True)))
    codes, different = array._codes, array._different
    first = np.full(len(different) + 1, len(codes), np.int64)  # the last is that of the missing
    for begin in range(_SAMPLE * ((len(codes) - 1) // _SAMPLE), -1, -_SAMPLE):
        block = codes[begin : begin + _SAMPLE]
        first[block[::-1]] = np.arange(begin + len(block) - 1, begin - 1, -1)  # what is written last stays
    order = np.argsort(first[:-1], kind="stable")[: int((first[:-1] < len(codes)).sum())]
    place = np.full(len(different) + 1, -1, np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return place[codes], different.take(pa.array(order))


def spread(series: pd.Series, made: Callable[[pd.Series], NDArray[np.float64]]) -> NDArray[np.float64]:
    """What is made of text, cell by cell [n]; asked of each different cell once where they are held so. NaN for a
    missing one."""
    if not isinstance(series.array, Coded):
        return made(series)
    codes, different = coded(series)
    return np.append(made(pd.Series(different.to_pandas(), dtype="str")), np.nan)[codes]
