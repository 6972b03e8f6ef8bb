"""Values as values of another type: exactly, or with a reason for the row."""
