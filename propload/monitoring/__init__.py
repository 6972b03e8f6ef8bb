"""Live counters and memory use of a run."""
