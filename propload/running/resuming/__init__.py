"""Going on where an earlier run ended: which one, at which row, and whether it may."""
