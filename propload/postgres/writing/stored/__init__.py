"""Rows that the table holds as they come: found by hashes, and not sent."""
