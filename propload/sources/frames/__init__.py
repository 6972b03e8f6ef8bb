"""Rows from frames in memory."""
