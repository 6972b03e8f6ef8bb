"""Resuming an earlier run: which one, at which row, and whether it can be resumed."""
