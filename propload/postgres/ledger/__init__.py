"""What runs have committed, so that a run that ended early can be continued."""
