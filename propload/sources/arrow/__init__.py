"""Arrow of any origin as the types that rows are prepared in."""
