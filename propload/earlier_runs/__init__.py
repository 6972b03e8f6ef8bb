"""Runs that have ended: list, recover, replay and drop them."""
