"""A run: its parts are made from settings; `run.Run` executes them and reports."""
