"""From files to a checked, split data set: read → check → clean → groups → split; and the data's own bias."""

from fairdash import columns, groups
from fairdash.data import sources, split, synthetic
from fairdash.data.findings import Finding, Question, UnansweredError, questions
from fairdash.data.importing import Preview, build, preview
from fairdash.data.mapping import Mapping
from fairdash.data.options import ImportOptions
from fairdash.data.read import Reading
from fairdash.data.store import load, save
from fairdash.stages import describe

__all__ = [
    "Finding",
    "ImportOptions",
    "Mapping",
    "Preview",
    "Question",
    "Reading",
    "UnansweredError",
    "build",
    "columns",
    "describe",
    "groups",
    "load",
    "preview",
    "questions",
    "save",
    "sources",
    "split",
    "synthetic",
]
