"""Methods that change user vectors after training."""

from fairdash.mitigation import discover

METHODS = discover.methods(__name__, __path__)
