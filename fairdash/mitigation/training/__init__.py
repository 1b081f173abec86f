"""Methods that change the loss."""

from fairdash.mitigation import discover

METHODS = discover.methods(__name__, __path__)
