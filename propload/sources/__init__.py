"""propload.sources."""
