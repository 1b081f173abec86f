"""Memory that nothing uses any more, given back to the system."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def give_back() -> None:
    """What large tables leave behind: pieces that Arrow and the C library keep for what comes next. Where there is
    another C library than GNU's, its part stays."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
