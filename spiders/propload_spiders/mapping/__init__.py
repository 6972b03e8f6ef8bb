"""Column mappings of property sites, registered under `propload.mappings`."""

from __future__ import annotations

from propload_spiders.mapping.funda import FUNDA

__all__ = ["FUNDA"]
