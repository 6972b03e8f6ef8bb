"""Rows from text: delimited and JSON, decoded and cut into blocks of whole rows."""
