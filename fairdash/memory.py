"""Memory that nothing uses any more, given back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import pyarrow as pa

LONG = 2_000_000  # rows of a table, from which on memory is looked after step by step
MUCH = 50_000_000  # bytes of files, from which on it is looked after while they are read
SOON = 1 << 17  # bytes of a piece, from which on it goes back at once while tables are large
USUAL = 32 << 20  # where the GNU C library ends up in a process that lasts
_ARROW, _LOCK, _within = pa.default_memory_pool(), Lock(), 0  # how many are within it at once
_TRIM, _MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h


def give_back() -> None:
    """What large tables leave behind: pieces that Arrow and the C library keep for what comes next. Where there is
    another C library than GNU's, its part stays."""
    _ARROW.release_unused()
    _call("malloc_trim", 0)


@contextmanager
def returning() -> Iterator[None]:
    """Within it the pieces of large tables go back as soon as nothing uses them; new ones cost a little more."""
    global _within
    with _LOCK:
        _within += 1
        _call("mallopt", _MMAP, SOON)
        pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keeps what is free for what comes next
    try:
        yield
    finally:
        with _LOCK:
            _within -= 1
            if not _within:
                pa.set_memory_pool(_ARROW)
                _call("mallopt", _MMAP, USUAL)
                _call("mallopt", _TRIM, 2 * USUAL)
        give_back()


def _call(name: str, *values: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*values)
