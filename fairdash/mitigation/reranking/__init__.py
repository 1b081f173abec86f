"""Methods that change the lists."""

from fairdash.mitigation import discover

METHODS = discover.methods(__name__, __path__)
