"""Rows, good and bad, in the forms in which a program has them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from hypothesis import strategies as st

#: Columns that rows come with; `rooms` is one that a table may get later.
BASE = ("id", "seen", "price", "note")
TYPES = {
    "id": pl.Int64,
    "seen": pl.Int64,
    "price": pl.String,
    "note": pl.String,
    "rooms": pl.Int64,
}
FORMS = ("frame", "arrow", "dicts", "lean", "generator", "csv", "ndjson", "parquet")
#: What mends a price that was rejected.
MENDED = "2"
VALUES = {
    "id": st.sampled_from([*range(1, 7), *range(1, 7), None]),
    "seen": st.sampled_from([1, 2, 3, 4, None]),
    # as text: one is no number, one is less than a table may take
    "price": st.sampled_from(["1", "2", "9", "10", "11", "-5", "x", None]),
    "note": st.sampled_from(["", "a", "b c", "é,\"'\\", None]),
    "rooms": st.integers(0, 3) | st.none(),
}


@dataclass(frozen=True)
class Given:
    """Rows and how they are given.

    Attributes:
        rows: As dicts of all their columns.
        columns: What the source has.
        form: One of `FORMS`.
        numbers: Those of the rows in their source; from 1 on where none are given.
    """

    rows: list[dict]
    columns: tuple[str, ...]
    form: str
    numbers: tuple[int, ...] = ()

    @property
    def numbered(self):
        """The rows by their numbers in the source."""
        numbers = self.numbers or range(1, len(self.rows) + 1)
        return list(zip(numbers, self.rows, strict=True))

    def some(self, rows):
        """Return some of the rows, by their numbers, as what a load sees of them."""
        return Given(list(rows.values()), self.incoming, "frame", tuple(rows))

    @property
    def incoming(self):
        """The columns that a load sees: of rows without their nulls, those with any."""
        if self.form != "lean":
            return self.columns
        return tuple(
            name
            for name in self.columns
            if name == "id" or any(row[name] is not None for row in self.rows)
        )

    def make(self, place):
        """Return the source; a file is made at the place, but for its ending."""
        return _MAKERS[self.form](self, place)

    def frame(self):
        schema = {name: TYPES[name] for name in self.columns}
        return pl.DataFrame(self.rows, schema=schema, orient="row")

    def typed(self):
        """Return a frame in which a price is a number, as all of them have to be."""
        return self.frame().cast({"price": pl.Int64})

    def dicts(self):
        """Return rows of Python: what is a whole number is one."""
        return [{n: _plain(row[n]) for n in self.columns} for row in self.rows]


def _plain(value):
    is_number = isinstance(value, str) and value.lstrip("-").isdigit()
    return int(value) if is_number else value


def _lean(given, _):
    return [
        {n: value for n, value in row.items() if n == "id" or value is not None}
        for row in given.dicts()
    ]


def _file(ending, write):
    def make(given, place):
        path = place.with_suffix(f".{ending}")
        write(given.frame(), path)
        return path

    return make


_MAKERS = {
    "frame": lambda given, _: given.frame(),
    "arrow": lambda given, _: given.frame().to_arrow(),
    "dicts": lambda given, _: given.dicts(),
    "lean": _lean,
    "generator": lambda given, _: iter(given.dicts()),
    "csv": _file("csv", pl.DataFrame.write_csv),
    "ndjson": _file("ndjson", pl.DataFrame.write_ndjson),
    "parquet": _file("parquet", pl.DataFrame.write_parquet),
}


@st.composite
def given_rows(draw, forms=FORMS, *, extra=False, most=12):
    """Draw rows, in which columns may be missing or one more than usual be."""
    form = draw(st.sampled_from(forms))
    optional = draw(st.sets(st.sampled_from(["seen", "price", "note"]), min_size=1))
    columns = tuple(name for name in BASE if name == "id" or name in optional)
    if extra:
        columns = (*columns, "rooms")
    row = st.fixed_dictionaries({name: VALUES[name] for name in columns})
    rows = draw(st.lists(row, min_size=1, max_size=most))
    if extra and rows[0]["rooms"] is None:
        # the first rows say of what type a column is
        rows[0]["rooms"] = 1
    return Given(rows, columns, form)


def mended(row):
    """Return a row whose price is good: only a key may be missing then."""
    price = row.get("price")
    if price is None or (str(price).isdigit() and int(price) <= 9):
        return row
    return {**row, "price": MENDED}
