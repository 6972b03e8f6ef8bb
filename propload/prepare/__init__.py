"""Turns raw columns into rows that fit their table, and says why others do not."""
