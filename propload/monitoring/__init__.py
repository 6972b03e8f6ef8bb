"""propload.monitoring."""
