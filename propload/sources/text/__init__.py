"""Rows from delimited text and JSON, decoded and cut into chunks of whole rows."""
