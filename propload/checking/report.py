"""The report of a check, which can be printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import cast

from propload.messages.notebook_html import (
    TextPrinter,
    cell,
    headings,
    line,
    scrolling,
    table,
)
from propload.messages.wording import counted, hanging, visible
from propload.report import Counts, Plain, ReasonCount, html_reasons

#: The most characters to which column names are padded; longer names stand out.
_WIDEST = 24


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """How one column would be loaded.

    Rows that would be rejected count as well, unless the source could not read them.

    Attributes:
        column: Its name.
        type: Its type in the rows, after mapping and type inference.
        table_type: Its type in the table, or the one it would be created with.
        nulls: How many rows have no value.
        distinct: Whether no value occurs twice.
    """

    column: str
    type: str
    table_type: str
    nulls: int
    distinct: bool


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a load would do.

    Attributes:
        source: What was read.
        table: The table that it would be loaded into.
        exists: Whether that table exists.
        rows: How many rows were read.
        rejected: How many rows would be rejected.
        columns: How each column would be loaded.
        reasons: The number of rejected rows by reason, largest first.
        key: The key that would be used; empty if there is none.
        key_repeats: How many rows repeat the key of an earlier row, without rejected
            ones.
        row_repeats: How many rows equal an earlier row in every column, without
            rejected ones.
        problems: What would stop the load, one sentence each.
        expected: The outcome of the rows if loaded into the table as it is now; None if
            the table does not exist, something would stop the load, or the outcome of
            some rows cannot be predicted. It adds up as a run's counts do.
        notes: Notes, one sentence each.
        interrupted: Whether it was told to stop before all rows were checked.
    """

    source: str
    table: str
    exists: bool
    rows: int
    rejected: int
    columns: tuple[ColumnCheck, ...]
    reasons: tuple[ReasonCount, ...]
    key: tuple[str, ...]
    key_repeats: int
    row_repeats: int
    problems: tuple[str, ...] = ()
    expected: Counts | None = None
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def candidates(self) -> tuple[str, ...]:
        """The columns each of which identifies every row by itself."""
        return tuple(c.column for c in self.columns if c.distinct and not c.nulls)

    def as_dict(self) -> dict[str, Plain]:
        """Return the report as plain values."""
        values = cast("dict[str, Plain]", asdict(self))
        return {**values, "candidates": list(self.candidates)}

    def to_json(self) -> str:
        """Return the report as one JSON object."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2)

    def __str__(self) -> str:
        return "\n".join(map(hanging, _lines(self)))

    def _repr_html_(self) -> str:
        return _html(self)

    def _repr_pretty_(self, printer: TextPrinter, _is_cycle: bool) -> None:  # noqa: FBT001 - IPython's signature
        printer.text(visible(str(self)))


def _lines(report: CheckReport) -> Iterable[str]:
    yield _headline(report)
    yield from (f"  {text}" for text in _summary(report))
    widest = max((len(c.column) for c in report.columns), default=0)
    width = min(widest, _WIDEST)
    for column in report.columns:
        nulls = f"  {counted(column.nulls, 'null')}" if column.nulls else ""
        yield f"  {column.column:<{width}}  {_types(column)}{nulls}"
    if report.reasons:
        yield "  would be rejected because:"
    for reason in report.reasons:
        yield f"    {reason.rows:,}  {reason.where}: {reason.said}"
    for note in report.notes:
        yield f"  note: {note}"
    for problem in report.problems:
        yield f"  would stop the load: {problem}"


def _headline(report: CheckReport) -> str:
    there = "exists" if report.exists else "would be created"
    stopped = "stopped on request, " if report.interrupted else ""
    return f"{report.source} → {report.table} ({there}): {stopped}nothing was written"


def _summary(report: CheckReport) -> Iterable[str]:
    yield f"{counted(report.rows, 'row')} read, {report.rejected:,} would be rejected"
    if report.expected is not None:
        yield f"as the table is now: {_outcomes(report.expected)}"
    yield from _key_lines(report)


def _types(column: ColumnCheck) -> str:
    same = column.type == column.table_type
    return column.type if same else f"{column.type} → {column.table_type}"


def _html(report: CheckReport) -> str:
    problems = [f"would stop the load: {problem}" for problem in report.problems]
    return (
        # a notebook would take the text between two dollar signs for a formula
        "<div class='tex2jax_ignore mathjax_ignore'>"
        f"<b>{escape(_headline(report))}</b>"
        + "".join(f"<p><b>{escape(problem)}</b></p>" for problem in problems)
        + f"<p>{'<br>'.join(map(escape, _summary(report)))}</p>"
        + _html_columns(report.columns)
        + html_reasons("would be rejected because", report.reasons, ".reasons")
        + "".join(f"<p>note: {escape(note)}</p>" for note in report.notes)
        + "</div>"
    )


def _html_columns(columns: Sequence[ColumnCheck]) -> str:
    """Return a table of columns; nothing if a problem ended the check before them."""
    if not columns:
        return ""
    lines = (line((c.column, _types(c), c.nulls)) for c in columns)
    head = cell("column", kind="th") + cell("type", kind="th") + headings(("nulls",))
    return scrolling(table((head, *lines)))


def _outcomes(counts: Counts) -> str:
    values = asdict(counts)
    shown = ("inserted", "updated", "unchanged", "stale", "duplicates", "rejected")
    parts = [f"{values[name]:,} {name}" for name in shown if values[name]]
    return ", ".join(parts) or "no row"


def _key_lines(report: CheckReport) -> Iterable[str]:
    names = {column.column for column in report.columns}
    if report.key and not names.issuperset(report.key):
        # not all key columns exist, so there is no count of repeats
        yield f"key {', '.join(report.key)}"
    elif report.key:
        repeats = counted(report.key_repeats, "row repeats", "rows repeat")
        yield f"key {', '.join(report.key)}: {repeats} the key of an earlier row"
    elif report.candidates:
        yield f"may be the key: {', '.join(report.candidates)}"
    else:
        yield "no single column identifies a row: each has repeated or empty values"
    if report.row_repeats:
        repeats = counted(report.row_repeats, "row repeats", "rows repeat")
        yield f"{repeats} an earlier row in every column"
