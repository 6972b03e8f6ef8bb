"""`check()`: what a load would do, found out without writing anything."""
