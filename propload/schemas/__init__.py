"""propload.schemas."""
