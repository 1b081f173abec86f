"""From files to a checked, split data set: read → check → clean → split."""

from fairdash.data import sources, split, synthetic
from fairdash.data.check import Finding
from fairdash.data.importing import ImportOptions, Preview, build, preview
from fairdash.data.mapping import Mapping
from fairdash.data.read import Reading
from fairdash.data.store import load, save

__all__ = [
    "Finding",
    "ImportOptions",
    "Mapping",
    "Preview",
    "Reading",
    "build",
    "load",
    "preview",
    "save",
    "sources",
    "split",
    "synthetic",
]
