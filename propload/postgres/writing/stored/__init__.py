"""Finds, by hashes, the rows that are stored already, so that they are not sent."""
