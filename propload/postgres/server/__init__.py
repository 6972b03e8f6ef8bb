"""Servers that propload runs itself: the embedded database, and that of the tests."""
