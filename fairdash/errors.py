"""The only errors a person sees: what is wrong and where (message), and what to do about it (hint)."""

from __future__ import annotations

from fairdash import words
from fairdash.words import Said


class FairDashError(Exception):
    """A user's error. Pages show message and hint; the command line prints both and exits with 2."""

    def __init__(self, message: Said, hint: Said = "") -> None:
        super().__init__(message)
        self.message = words.again(message)
        self.hint = words.again(hint)


class DataError(FairDashError):
    """A file, table or mapping that cannot be used as it is; names file, row and column."""


class DamagedError(DataError):
    """A value of the workspace that is not what was written; it costs itself alone."""

    def __init__(self, message: str, hint: str, kind: str, digest: str) -> None:
        super().__init__(message, hint)
        self.kind, self.digest = kind, digest


class ConfigError(FairDashError):
    """An option whose value cannot work, or options that contradict each other."""


class ModelError(FairDashError):
    """A model folder, name or archive that cannot be loaded or does not fit the data."""


class RightsError(FairDashError):
    """What somebody's role does not allow."""


class JobError(FairDashError):
    """A job that is lost, unknown or cannot be started."""


class Cancelled(FairDashError):  # noqa: N818 - it is no fault
    """The person asked to stop; nothing stored is lost."""


_FULL = ("no space left", "disk is full", "disk quota exceeded", "file too large")
_LOCKED = ("read-only file system", "readonly database", "permission denied", "operation not permitted")


def full(error: BaseException) -> bool:
    """Whether an error says that the disk is full, or that what may lie on it is, as the system, SQLite, Arrow or
    safetensors say it."""
    return _says(error, _FULL)


def locked(error: BaseException) -> bool:
    """Whether an error says that nothing may be written there, as the system or SQLite say it."""
    return _says(error, _LOCKED)


def _says(error: BaseException | None, told: tuple[str, ...]) -> bool:
    """Whether an error, or one that it came from, says one of these."""
    return error is not None and (any(one in str(error).lower() for one in told) or _says(error.__cause__, told))
