"""Finds the rows that the server refuses, and the reasons."""
