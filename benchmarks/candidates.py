"""propload and its peers as one kind of thing, and the four works they do."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.listings import changed, listings, overlapping

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from benchmarks.scratch import Scratch

#: Modules of `benchmarks.peers`.
CANDIDATES = (
    "propload_frame",
    "dlt_arrow",
    "psycopg_copy",
    "pgpq_copy",
    "polars_write",
    "duckdb_insert",
    "psycopg_executemany",
    "pandas_write",
    "propload_dicts",
    "dlt_dicts",
)
WORKS = ("new table", "unchanged", "5 % changed", "50 % overlap")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to upsert rows.

    Attributes:
        name: Its module's name.
        form: What it takes: frame or dicts.
        most_rows: Rows enough to know its pace.
        load: Upserts rows into a table.
        reset: For those that make their own tables: forgets earlier ones.
    """

    name: str
    form: str
    most_rows: int
    load: Callable[[Any, Scratch, str], None]
    reset: Callable[[Scratch, str], None] | None = None

    @classmethod
    def find(cls, name: str) -> Candidate | None:
        """Return the candidate of a module of `benchmarks.peers`.

        None where its library is not installed: see the extra `bench`.
        """
        try:
            module = import_module(f"benchmarks.peers.{name}")
        except ImportError as error:
            print(f"left out {name}: {error}")
            return None
        reset = getattr(module, "reset", None)
        return cls(name, module.FORM, module.MOST_ROWS, module.load, reset)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done.

    Attributes:
        name: One of `WORKS`.
        stored: The rows in the table before.
        given: The rows to load.
        result: The rows in the table afterwards.
    """

    name: str
    stored: pl.DataFrame
    given: pl.DataFrame
    result: pl.DataFrame

    @classmethod
    def of(cls, name: str, rows: int) -> Work:
        """Return a work of so many rows."""
        base = listings(rows)
        if name == "new table":
            return cls(name, base.head(0), base, base)
        if name == "50 % overlap":
            given = overlapping(base, 0.5)
            kept = base.head(base.height - base.height // 2)
            return cls(name, base, given, kept.vstack(given))
        given = changed(base, 0.0 if name == "unchanged" else 0.05)
        return cls(name, base, given, given)
