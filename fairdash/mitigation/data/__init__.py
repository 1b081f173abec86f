"""Methods that change what is trained on."""

from fairdash.mitigation import discover

METHODS = discover.methods(__name__, __path__)
