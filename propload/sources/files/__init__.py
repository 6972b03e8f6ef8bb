"""Rows from files: which ones, packed or not, and a reader for each format."""
