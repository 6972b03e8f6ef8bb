"""Rows from files: finding and unpacking them, and a reader for each format."""
