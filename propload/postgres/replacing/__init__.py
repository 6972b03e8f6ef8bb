"""Replace: rows are gathered in a shadow, and replace those of the table at the end."""
