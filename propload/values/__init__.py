"""Values of Python, and the Arrow columns that hold them."""
