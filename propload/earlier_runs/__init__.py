"""What is done with runs that ended: tell of them, go on, load again, drop them."""
