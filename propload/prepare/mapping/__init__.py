"""Column mappings: from a source's columns and texts to a table's columns."""

from __future__ import annotations

from propload.batch import ROW, Sifted, join_reasons, no_reasons, reason_lines
from propload.prepare.mapping.column_mapping import MapContext, Mapping, RowMapping
from propload.prepare.mapping.files import load_mapping, make_mapping
from propload.prepare.mapping.rules import Constant, Rule
from propload.prepare.mapping.unmatched_columns import UnmatchedColumns

__all__ = [
    "ROW",
    "Constant",
    "MapContext",
    "Mapping",
    "RowMapping",
    "Rule",
    "Sifted",
    "UnmatchedColumns",
    "join_reasons",
    "load_mapping",
    "make_mapping",
    "no_reasons",
    "reason_lines",
]
