"""`check()`: finds out what a load would do, without writing anything."""
