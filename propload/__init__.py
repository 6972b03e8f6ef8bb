"""propload loads property listings, and any other table, into PostgreSQL."""

from __future__ import annotations
