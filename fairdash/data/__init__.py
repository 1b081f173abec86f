"""From files to a checked, split data set: read → check → clean → groups → split; and the data's own bias."""

from fairdash import columns, groups
from fairdash.data import sources, split, synthetic
from fairdash.data.check import Finding
from fairdash.data.importing import ImportOptions, Preview, build, preview
from fairdash.data.mapping import Mapping
from fairdash.data.read import Reading
from fairdash.data.store import load, save
from fairdash.stages import describe

__all__ = [
    "Finding",
    "ImportOptions",
    "Mapping",
    "Preview",
    "Reading",
    "build",
    "columns",
    "describe",
    "groups",
    "load",
    "preview",
    "save",
    "sources",
    "split",
    "synthetic",
]
