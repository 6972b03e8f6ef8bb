"""propload.cli."""
