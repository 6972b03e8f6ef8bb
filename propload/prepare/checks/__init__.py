"""What a schema demands of rows, and what is wrong with those that fail."""
