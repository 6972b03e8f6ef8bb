"""The write path: a piece of a batch is written to its table in one transaction."""
