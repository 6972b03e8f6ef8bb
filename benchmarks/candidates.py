"""propload and its peers behind one interface."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.loads import load

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from benchmarks.scratch import Scratch

#: propload's candidates, with the form of their rows; listings are checked in full.
OURS = {f"propload_{form}": form for form in ("frame", "parquet", "dicts", "csv")}
#: The most rows for propload, more than any benchmark asks for.
MOST_OF_OURS = 20_000_000
#: All candidates: those of propload, and modules of `benchmarks.peers`.
CANDIDATES = (
    "propload_frame",
    "propload_parquet",
    "dlt_arrow",
    "dlt_tuned",
    "dlt_keyless",
    "psycopg_copy",
    "pgpq_copy",
    "polars_write",
    "duckdb_staged",
    "duckdb_insert",
    "psycopg_executemany",
    "pandas_write",
    "propload_dicts",
    "dlt_dicts",
    "propload_csv",
    "pgloader_staged",
)
#: The candidate of propload that others of the same form are compared with.
BASELINES = {
    "frame": "propload_frame",
    "dicts": "propload_dicts",
    "csv": "propload_csv",
}
#: The candidate that writes into a table without the primary key that all others have.
KEYLESS = "dlt_keyless"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to upsert rows that is measured.

    Attributes:
        name: Its name, which for a peer is that of its module.
        form: The form of rows that it takes: frame, dicts, parquet or csv.
        most_rows: Most rows to load: enough to know its speed.
        load: Upserts rows into a table.
        reset: If it keeps track of its tables itself: creates the table again, and
            clears what it knows of the earlier one.
    """

    name: str
    form: str
    most_rows: int
    load: Callable[[Any, Scratch, str], None]
    reset: Callable[[Scratch, str], None] | None = None

    @classmethod
    def find(cls, name: str) -> Candidate | None:
        """Return a candidate of propload, or that of a module of `benchmarks.peers`.

        Returns None if its library (see the extra `bench`) or the program that it runs
        is not installed.

        Raises:
            ImportError: An installed library is not what the module expects, or there
                is no such module.
        """
        if name in OURS:
            return cls(name, OURS[name], MOST_OF_OURS, _ingest)
        try:
            module = import_module(f"benchmarks.peers.{name}")
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "benchmarks":
                raise
            print(f"left out {name}: {error}")
            return None
        program = getattr(module, "PROGRAM", None)
        if program is not None and shutil.which(program) is None:
            print(f"left out {name}: the program {program} is not installed")
            return None
        reset = getattr(module, "reset", None)
        return cls(name, module.FORM, module.MOST_ROWS, module.load, reset)

    def convert(self, rows: pl.DataFrame, scratch: Scratch, /) -> Any:
        """Return rows in the form that it takes; files are in the state folder."""
        if self.form in ("parquet", "csv"):
            path = scratch.state / f"rows-{secrets.token_hex(4)}.{self.form}"
            write = rows.write_parquet if self.form == "parquet" else rows.write_csv
            write(path)
            return path
        return rows.to_dicts() if self.form == "dicts" else rows

    def clear(self, scratch: Scratch, table: str, /) -> None:
        """Create its table again, by its own `reset` if it has one."""
        if self.reset is None:
            scratch.create(table)
        else:
            self.reset(scratch, table)


def _ingest(rows: Any, scratch: Scratch, table: str, /) -> None:
    load(rows, scratch, table)
