"""The target's table: describe or create it, and plan how rows fit it."""
