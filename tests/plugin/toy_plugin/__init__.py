"""A package outside of FairDash; each declaration has a module of its own."""
