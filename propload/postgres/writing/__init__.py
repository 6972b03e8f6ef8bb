"""The write path: a piece of a batch goes into its table in one transaction."""
