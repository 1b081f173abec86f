"""FairDash: train a BERT recommender, audit who gets what, mitigate, and compare before and after."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairdash.metrics.files import audit, audits

__version__ = "0.2.0"
__all__ = ["__version__", "audit", "audits"]


def __getattr__(name: str) -> Any:
    """`fairdash.audit(...)` for notebooks; imported on first use, so that the command line starts fast."""
    if name in ("audit", "audits"):
        from fairdash.metrics import files

        return getattr(files, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
