"""Every statement that propload writes, by subject; pure functions of text."""
