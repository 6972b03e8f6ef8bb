"""A model in plain Python of what a table must hold and a report must count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import propload

KEY = "id"
#: The possible outcomes of a row, as a report counts them.
ENDS = ("inserted", "updated", "unchanged", "stale", "duplicates", "rejected")


class NotReplacedError(Exception):
    """A replace has no row to store, so that the table keeps its rows."""


@dataclass(frozen=True)
class Way:
    """How rows are written: the settings of a load that decide it."""

    mode: str = "upsert"
    newest: str | None = None
    on_null: str = "overwrite"
    batch_rows: int = 1_000


@dataclass
class Outcome:
    """The outcome of the rows of a load.

    Attributes:
        ends: The number of rows per outcome.
        rejected: The columns at fault, by row number in the source.
        touched: The keys of rows that were written, and so have moved.
    """

    ends: Counter = field(default_factory=Counter)
    rejected: dict = field(default_factory=dict)
    touched: set = field(default_factory=set)

    @property
    def counts(self):
        ends = {end: self.ends[end] for end in ENDS}
        return propload.Counts(read=sum(ends.values()), **ends)

    def reject(self, number, columns):
        self.ends["rejected"] += 1
        self.rejected[number] = columns

    def add(self, other):
        self.ends += other.ends
        self.rejected |= other.rejected
        self.touched |= other.touched


@dataclass
class TableModel:
    """A table of integer and text columns, with or without a key.

    Attributes:
        keyed: Whether `id` is its primary key.
        columns: Its columns, in order.
        texts: The text columns; all others are integers.
        least: The minimum that a check constraint sets, by column.
        most: The maximum that a check constraint sets, by column.
        needed: The columns that are NOT NULL.
        single: The columns that are UNIQUE.
        defaults: The values of new rows in columns that a load does not have.
        rows: The rows by key; without a key, by a generated name.
        made: The number of names generated.
    """

    keyed: bool
    columns: list[str]
    texts: set[str] = field(default_factory=lambda: {"note"})
    least: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)
    single: set[str] = field(default_factory=set)
    defaults: dict[str, int] = field(default_factory=dict)
    rows: dict = field(default_factory=dict)
    made: int = 0

    def content(self):
        """Return the rows as tuples, sorted."""
        rows = self.rows.values()
        tuples = (tuple(row.get(name) for name in self.columns) for row in rows)
        return sorted(tuples, key=repr)

    def load(self, numbered, columns, way, shadow=None):
        """Write numbered rows as a load does, and return the outcome.

        Args:
            numbered: Pairs of number and row, in the order of their source.
            columns: The columns that both the rows and the table have.
            way: How they are written.
            shadow: The shadow for the rows of a replace that does not finish yet.
        """
        if way.mode != "replace":
            return self._write(numbered, columns, way)
        written_way = replace(way, mode="upsert" if self.keyed else "append")
        if shadow is not None:
            return shadow._write(numbered, columns, written_way)
        return self._replace(numbered, columns, written_way)

    def shadow(self):
        """Return the model of an empty table like this one."""
        return replace(self, rows={})

    def _replace(self, numbered, columns, written_way):
        shadow = self.shadow()
        outcome = shadow._write(numbered, columns, written_way)
        if not shadow.rows:
            raise NotReplacedError
        outcome.touched |= {*self.rows, *shadow.rows}
        self.rows, self.made = shadow.rows, shadow.made
        return outcome

    def _write(self, numbered, columns, way):
        outcome = Outcome()
        for start in range(0, len(numbered), way.batch_rows):
            batch = numbered[start : start + way.batch_rows]
            self._write_batch(batch, columns, way, outcome)
        return outcome

    def _write_batch(self, batch, columns, way, outcome):
        versions = {}
        for number, row in batch:
            unfit = self._unfit(row, columns)
            if unfit:
                outcome.reject(number, unfit)
                continue
            known = {name: self._stored(name, row.get(name)) for name in columns}
            versions.setdefault(self._key_of(known), []).append((number, known))
        for key, several in versions.items():
            outcome.add(self._write_key(key, several, way))

    def _fits(self, name, value):
        if value is None or name in self.texts:
            return True
        return str(value).lstrip("-").isdigit()

    def _stored(self, name, value):
        if value is None:
            return None
        return str(value) if name in self.texts else int(value)

    def _key_of(self, row):
        if self.keyed:
            return row[KEY]
        self.made += 1
        return f"row {self.made}"

    def _unfit(self, row, columns):
        """Return the columns for which a row is rejected before writing."""
        unfit = {n for n in columns if not self._fits(n, row.get(n))}
        if self.keyed and row.get(KEY) is None:
            unfit.add(KEY)
        return unfit

    def _write_key(self, key, versions, way):
        """Write all rows of a batch that have this key."""
        if way.mode == "append":
            return self._try(key, versions, way)
        chosen = choose(versions, way)
        before = self.rows.get(key)
        outcome = self._try(key, chosen, way)
        outcome.ends["duplicates"] = len(versions) - len(chosen)
        if not outcome.rejected or len(versions) == 1:
            return outcome
        # try all of them, in the order of the source
        self.rows.pop(key, None)
        if before is not None:
            self.rows[key] = before
        return self._try(key, versions, way)

    def _try(self, key, versions, way):
        outcome = Outcome()
        for number, row in versions:
            stored = self.rows.get(key)
            end, result = self._judge(stored, row, way)
            if end in {"inserted", "updated"}:
                faults = self._faults(key, result)
                if end == "updated" and way.mode == "append":
                    faults |= {KEY}
                if faults:
                    outcome.reject(number, faults)
                    continue
                self.rows[key] = result
                outcome.touched.add(key)
            outcome.ends[end] += 1
        return outcome

    def _faults(self, key, row):
        """Return the columns whose constraints a row violates."""
        known = {n: row[n] for n in self.columns if row.get(n) is not None}
        others = [other for one, other in self.rows.items() if one != key]
        low = {n for n in known if n in self.least and known[n] < self.least[n]}
        high = {n for n in known if n in self.most and known[n] > self.most[n]}
        taken = {n: {other.get(n) for other in others} for n in self.single}
        repeated = {n for n in taken if n in known and known[n] in taken[n]}
        return low | high | repeated | self.needed.difference(known)

    def _judge(self, stored, row, way):
        """Return the outcome of a row, and the row that is stored then."""
        if stored is None:
            return "inserted", {**self.defaults, **row}
        if way.mode == "append":
            return "updated", {**stored, **row}
        if way.mode == "insert-new":
            return "unchanged", stored
        changes = {n: v for n, v in row.items() if v != stored.get(n)}
        if way.on_null == "keep":
            changes = {n: v for n, v in changes.items() if v is not None}
        if not changes:
            return "unchanged", stored
        if way.newest is None:
            return "updated", {**stored, **changes}
        return _judge_by_age(stored, row, changes, way)


def _judge_by_age(stored, row, changes, way):
    old, new = age(stored, way), age(row, way)
    if way.on_null == "keep":
        merged = {n: _folded(n, stored.get(n), v, old, new) for n, v in row.items()}
        merged = {**stored, **merged}
        # a newer row is an update even if it changes no other value
        is_stale = new <= old and all(merged[n] == stored.get(n) for n in row)
        return "stale" if is_stale else "updated", merged
    is_stale = new < old or (new == old and rank(row) <= rank(stored, row))
    return "stale" if is_stale else "updated", {**stored, **changes}


def _folded(name, known, value, old, new):
    if known is None or value is None:
        return known if value is None else value
    if new == old:
        return max(known, value, key=lambda one: str(one).encode())
    return value if new > old else known


def age(row, way):
    """Return the sort key of a version; one without a value is the oldest."""
    value = row.get(way.newest)
    return (value is not None, value or 0)


def rank(row, columns=None):
    """Return the text by which the server orders versions of the same age."""
    named = [n for n in (columns or row) if n != KEY]
    return f"({','.join(_quoted(row.get(name)) for name in named)})".encode()


def _quoted(value):
    if value is None:
        return ""
    text = str(value)
    if text and not set(text) & set('"\\(), \n'):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'


def choose(versions, way):
    """Return which versions of a key in a batch are written, in that order."""
    if way.mode == "insert-new":
        return versions[:1]
    if way.newest is None:
        return [_fold(versions)] if way.on_null == "keep" else versions[-1:]
    ordered = sorted(versions, key=lambda one: age(one[1], way))
    ages = Counter(age(row, way) for _, row in ordered)
    if way.on_null == "keep":
        tied = max(ages.values()) > 1
        return _differing(ordered) if tied else [_fold(ordered)]
    newest = age(ordered[-1][1], way)
    return _differing([one for one in ordered if age(one[1], way) == newest])


def _differing(versions):
    """Return the distinct versions, the last one first."""
    last = {tuple(row.items()): (number, row) for number, row in versions}
    return sorted(last.values(), key=versions.index, reverse=True)


def _fold(versions):
    """Return one row with the last value of each column that is not null."""
    known = {}
    for _, row in versions:
        known |= {n: v for n, v in row.items() if v is not None or n not in known}
    return versions[-1][0], known
