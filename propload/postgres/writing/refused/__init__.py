"""Rows that the server refuses: which ones, and why."""
