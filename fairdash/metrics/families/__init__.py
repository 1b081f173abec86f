"""Families of metrics: every module declares its own, as FAMILY."""
