"""Replace: rows gather beside the table and take its place at the end."""
