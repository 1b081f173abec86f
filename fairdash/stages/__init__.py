"""The pipeline, a file a stage: fit → recommend → audit (with the model side) → mitigate → compare → report; and what
looks beside it: describe, search, explore. Each is a function from frozen values to a frozen value."""
