"""Column mappings: from a source's columns and texts to a table's columns."""

from __future__ import annotations

from propload.batch import ROW, Sifted, join_reasons, no_reasons, reason_lines
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
    "ROW",
    "Constant",
    "Lacking",
    "MapContext",
    "Mapping",
    "RowMapping",
    "Rule",
    "Sifted",
    "join_reasons",
    "load_mapping",
    "make_mapping",
    "no_reasons",
    "reason_lines",
]
