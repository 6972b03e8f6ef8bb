"""propload.postgres."""
