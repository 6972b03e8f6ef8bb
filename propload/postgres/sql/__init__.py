"""Every SQL statement that propload sends, by subject; pure functions of text."""
