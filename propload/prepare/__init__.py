"""From raw columns to rows that fit their table, and why others do not."""
