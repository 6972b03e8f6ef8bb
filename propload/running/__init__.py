"""A run: settings become parts, `run.Run` executes them and returns the report."""
