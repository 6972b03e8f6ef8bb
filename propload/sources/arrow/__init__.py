"""Converts Arrow data of any origin to the types that rows are prepared in."""
