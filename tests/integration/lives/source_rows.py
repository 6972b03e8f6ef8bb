"""Good and bad rows, in all forms of sources that a program may have."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from hypothesis import strategies as st

#: Columns of the rows; a table may later get a further one, `rooms`.
BASE = ("id", "seen", "price", "note")
TYPES = {
    "id": pl.Int64,
    "seen": pl.Int64,
    "price": pl.String,
    "note": pl.String,
    "rooms": pl.Int64,
}
FORMS = ("frame", "arrow", "dicts", "lean", "generator", "csv", "ndjson", "parquet")
#: The price that replaces one that was rejected.
MENDED = "2"
VALUES = {
    "id": st.sampled_from([*range(1, 7), *range(1, 7), None]),
    "seen": st.sampled_from([1, 2, 3, 4, None]),
    # as text: "x" is not a number, and -5 is below the minimum of some tables
    "price": st.sampled_from(["1", "2", "9", "10", "11", "-5", "x", None]),
    "note": st.sampled_from(["", "a", "b c", "é,\"'\\", None]),
    "rooms": st.integers(0, 3) | st.none(),
}


@dataclass(frozen=True)
class SourceRows:
    """Rows, and the form in which they are given.

    Attributes:
        rows: The rows, as dicts of all their columns.
        columns: The columns of the source.
        form: One of `FORMS`.
        numbers: The numbers of the rows in their source; if empty, they count from 1.
    """

    rows: list[dict]
    columns: tuple[str, ...]
    form: str
    numbers: tuple[int, ...] = ()

    @property
    def numbered(self):
        """The rows with their numbers in the source, as pairs."""
        numbers = self.numbers or range(1, len(self.rows) + 1)
        return list(zip(numbers, self.rows, strict=True))

    def subset(self, rows):
        """Return some rows, given by number, with the columns that a load sees."""
        return SourceRows(list(rows.values()), self.incoming, "frame", tuple(rows))

    @property
    def incoming(self):
        """The columns that a load sees: of lean rows, only those with any value."""
        if self.form != "lean":
            return self.columns
        return tuple(
            name
            for name in self.columns
            if name == "id" or any(row[name] is not None for row in self.rows)
        )

    def make(self, place):
        """Return the source; a file is created at `place`, with its own suffix."""
        return _MAKERS[self.form](self, place)

    def frame(self):
        schema = {name: TYPES[name] for name in self.columns}
        return pl.DataFrame(self.rows, schema=schema, orient="row")

    def typed(self):
        """Return a frame with prices as numbers, which all of them must be."""
        return self.frame().cast({"price": pl.Int64})

    def dicts(self):
        """Return the rows as dicts; texts that are whole numbers become ints."""
        return [{n: _plain(row[n]) for n in self.columns} for row in self.rows]


def _plain(value):
    is_number = isinstance(value, str) and value.lstrip("-").isdigit()
    return int(value) if is_number else value


def _lean(inputs, _):
    return [
        {n: value for n, value in row.items() if n == "id" or value is not None}
        for row in inputs.dicts()
    ]


def _file(ending, write):
    def make(inputs, place):
        path = place.with_suffix(f".{ending}")
        write(inputs.frame(), path)
        return path

    return make


_MAKERS = {
    "frame": lambda inputs, _: inputs.frame(),
    "arrow": lambda inputs, _: inputs.frame().to_arrow(),
    "dicts": lambda inputs, _: inputs.dicts(),
    "lean": _lean,
    "generator": lambda inputs, _: iter(inputs.dicts()),
    "csv": _file("csv", pl.DataFrame.write_csv),
    "ndjson": _file("ndjson", pl.DataFrame.write_ndjson),
    "parquet": _file("parquet", pl.DataFrame.write_parquet),
}


@st.composite
def source_rows(draw, forms=FORMS, *, extra=False, most=12):
    """Draw rows, from which columns may be missing; with `extra`, they have `rooms`."""
    form = draw(st.sampled_from(forms))
    optional = draw(st.sets(st.sampled_from(["seen", "price", "note"]), min_size=1))
    columns = tuple(name for name in BASE if name == "id" or name in optional)
    if extra:
        columns = (*columns, "rooms")
    row = st.fixed_dictionaries({name: VALUES[name] for name in columns})
    rows = draw(st.lists(row, min_size=1, max_size=most))
    if extra and rows[0]["rooms"] is None:
        # the type of a column is inferred from the first rows
        rows[0]["rooms"] = 1
    return SourceRows(rows, columns, form)


def mended(row):
    """Return a row with a good price, so that at most its key is at fault."""
    price = row.get("price")
    if price is None or (str(price).isdigit() and int(price) <= 9):
        return row
    return {**row, "price": MENDED}
