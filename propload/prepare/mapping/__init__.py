"""Column mappings: from a source's columns and texts to a table's columns."""

from __future__ import annotations

from propload.prepare.mapping.files import load_mapping, make_mapping
from propload.prepare.mapping.lacking import Lacking
from propload.prepare.mapping.rules import (
    Constant,
    MapContext,
    Mapping,
    RowMapping,
    Rule,
)

__all__ = [
    "Constant",
    "Lacking",
    "MapContext",
    "Mapping",
    "RowMapping",
    "Rule",
    "load_mapping",
    "make_mapping",
]
