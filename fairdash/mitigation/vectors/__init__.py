"""Methods that change user vectors after training."""

from fairdash.mitigation.vectors import decorrelate, project

METHODS = (
    project.METHOD,
    decorrelate.METHOD,
)
