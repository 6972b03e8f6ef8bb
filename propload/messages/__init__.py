"""How messages are worded: plurals, suggestions, commands to run, HTML of notebooks."""
