"""propload.prepare."""
