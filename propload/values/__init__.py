"""Python values, and the Arrow columns that hold them."""
