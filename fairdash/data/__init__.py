"""From files to a checked, split data set: read → check → clean → split."""

from fairdash.data import sources, split, synthetic
from fairdash.data.findings import Finding, Question, UnansweredError, questions
from fairdash.data.importing import Preview, build, preview
from fairdash.data.mapping import Mapping
from fairdash.data.options import ImportOptions
from fairdash.data.store import load, save
from fairdash.data.table import Reading

__all__ = [
    "Finding",
    "ImportOptions",
    "Mapping",
    "Preview",
    "Question",
    "Reading",
    "UnansweredError",
    "build",
    "load",
    "preview",
    "questions",
    "save",
    "sources",
    "split",
    "synthetic",
]
