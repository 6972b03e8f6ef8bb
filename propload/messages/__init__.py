"""The wording of messages: plurals, suggestions, commands to run, HTML in notebooks."""
