"""The report of a run: what it did, with counts that add up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from propload.errors import CountsError
from propload.messages.notebook_html import (
    TextPrinter,
    headings,
    line,
    table,
    titled_table,
)
from propload.messages.suggested_commands import Commands
from propload.messages.wording import counted, hanging, visible

if TYPE_CHECKING:
    import polars as pl

Status = Literal["loaded", "failed", "stopped", "interrupted", "blocked"]
#: A value that JSON can hold; settings in a report consist of these.
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"


class RejectsReader(Protocol):
    """Reads the rejected rows of a run; lets a report itself do without Polars."""

    def __call__(self) -> pl.DataFrame:
        """Return the rejected rows."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows had which outcome; all counts but `read` add up to `read`.

    Attributes:
        read: Rows that came from the source.
        inserted: Rows with a new key, or without a key.
        updated: Rows that changed a stored row.
        unchanged: Rows that the table already holds (in mode insert-new: whose key it
            holds), or that a trigger skipped.
        stale: Rows that are older than the stored row, by `newest`.
        duplicates: Rows dropped for another row of their batch with the same key.
        rejected: Rows that were rejected, each with its reasons.
    """

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    duplicates: int = 0
    rejected: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        )

    @property
    def accounted(self) -> int:
        """How many rows have a known outcome."""
        return self.stored + self.duplicates + self.rejected

    @property
    def stored(self) -> int:
        """How many rows were inserted, updated, unchanged or stale."""
        return self.inserted + self.updated + self.unchanged + self.stale

    @property
    def possible(self) -> bool:
        """Whether no count is negative: two wrong counts may have the right sum."""
        return all(getattr(self, f.name) >= 0 for f in fields(self))

    @property
    def all_rejected(self) -> bool:
        """Whether there were rows and none of them reached the table.

        A duplicate of a rejected row is not in the table either.
        """
        return self.rejected > 0 and self.read == self.rejected + self.duplicates

    def verify(self) -> None:
        """Check that every row is accounted for.

        Raises:
            CountsError: `read` is not the sum of the others, or a count is negative.
        """
        if self.read != self.accounted or not self.possible:
            msg = (
                f"{counted(self.read, 'row was', 'rows were')} read but "
                f"{counted(self.accounted, 'is', 'are')} accounted "
                f"for ({self}): please report this with the command that you ran"
            )
            raise CountsError(msg)


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows one reason applies to.

    Attributes:
        stage: read, map, check or database; warning for rows that were loaded.
        column: The column at fault, or None if it is the row as a whole.
        check: The short name of what failed.
        rows: How many rows it applies to.
        example: The message of one of them.
    """

    stage: str
    column: str | None
    check: str
    rows: int
    example: str = ""

    @property
    def where(self) -> str:
        """Stage, column and check, as they appear in a report."""
        return " ".join(filter(None, (self.stage, self.column, self.check)))

    @property
    def said(self) -> str:
        """The text for a report: the message of a single row, else an example."""
        if not self.example:
            return self.check
        return self.example if self.rows == 1 else f"such as {self.example}"


@dataclass(frozen=True, slots=True)
class TargetName:
    """Where rows went: the database, without secrets, and the qualified table."""

    database: str
    table: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did.

    Attributes:
        run_id: The run's name; its rejected rows and journal have the same name.
        status: How the run ended.
        source: What was read.
        target: What was written to.
        counts: How many rows had which outcome.
        seconds: Wall-clock time.
        peak_memory_bytes: The largest resident size that was measured.
        batches: Prepared batches, including those that earlier processes had
            committed.
        retries: Transactions that were retried.
        reasons_counted: Rejected rows by reason, in descending order of their number.
        warnings: Loaded rows by warning, in descending order of their number.
        rejects_path: The file of rejected rows, or None if there are none.
        settings: The settings given, and those that the run chose.
        notes: Things that a reader should know, one sentence each.
        message: Why the run ended early, or empty.
        began: When the run began, or None if an old report does not say.
    """

    run_id: str
    status: Status
    source: str
    target: TargetName
    counts: Counts
    seconds: float
    peak_memory_bytes: int = 0
    batches: int = 0
    retries: int = 0
    reasons_counted: tuple[ReasonCount, ...] = ()
    warnings: tuple[ReasonCount, ...] = ()
    rejects_path: str | None = None
    settings: Mapping[str, Plain] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    message: str = ""
    began: datetime | None = None
    # say where the state folder is, which a saved notebook must not show
    commands: Commands = field(default=Commands(), repr=False, compare=False)
    # set if `counts` includes rows that an earlier process of the run had read
    pace: float | None = field(default=None, repr=False, compare=False)
    read_rejects: RejectsReader | None = field(default=None, repr=False, compare=False)

    @property
    def rows_per_second(self) -> float:
        """Rows read per second by the process that ended the run."""
        if self.pace is not None:
            return self.pace
        return self.counts.read / self.seconds if self.seconds else 0.0

    @property
    def rejects(self) -> pl.DataFrame:
        """The rejected rows as read, and why, as `propload.rejects` returns them."""
        import polars as pl  # noqa: PLC0415 - a report can be shown without Polars

        return self.read_rejects() if self.read_rejects else pl.DataFrame()

    @property
    def reasons(self) -> pl.DataFrame:
        """The reasons, with the columns stage, column, check, rows and example."""
        import polars as pl  # noqa: PLC0415 - a report can be shown without Polars

        schema = {
            "stage": pl.String,
            "column": pl.String,
            "check": pl.String,
            "rows": pl.Int64,
            "example": pl.String,
        }
        return pl.DataFrame(
            [asdict(one) for one in self.reasons_counted], schema=schema
        )

    def as_dict(self) -> dict[str, Plain]:
        """Return the report as values for JSON, in the order of the documentation."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "source": self.source,
            "target": {"database": self.target.database, "table": self.target.table},
            "counts": dict(asdict(self.counts)),
            "began": self.began.isoformat() if self.began else None,
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows_per_second, 1),
            "peak_memory_bytes": self.peak_memory_bytes,
            "batches": self.batches,
            "retries": self.retries,
            "reasons": [asdict(one) for one in self.reasons_counted],
            "warnings": [asdict(one) for one in self.warnings],
            "rejects_path": self.rejects_path,
            "settings": dict(self.settings),
            "notes": list(self.notes),
            "message": self.message,
        }

    def to_json(self) -> str:
        """Return the report as one JSON object."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2)

    def __str__(self) -> str:
        return "\n".join(map(hanging, _text_lines(self)))

    def _repr_html_(self) -> str:
        return _html(_without_paths(self))

    def _repr_pretty_(self, printer: TextPrinter, _is_cycle: bool) -> None:  # noqa: FBT001 - IPython's signature
        printer.text(visible(str(_without_paths(self))))


def _without_paths(report: Report) -> Report:
    """Return a report that can be saved with a notebook: without the state folder."""
    hidden = report.commands.hidden_in
    notes = tuple(map(hidden, report.notes))
    message = hidden(report.message)
    return replace(report, message=message, notes=notes, commands=Commands())


def from_dict(values: Mapping[str, object]) -> Report:
    """Return the report from the values that its `as_dict` returned.

    Raises:
        KeyError: A part of the report is missing.
        TypeError: A part of it has the wrong type.
        ValueError: `began` is not a time.
    """
    data = cast("Mapping[str, Any]", values)
    kept = {f.name: data[f.name] for f in fields(Report) if f.name in data}
    converted = {
        "target": TargetName(**data["target"]),
        "counts": Counts(**data["counts"]),
        "reasons_counted": _reason_counts(data.get("reasons")),
        "warnings": _reason_counts(data.get("warnings")),
        "notes": tuple(data.get("notes") or ()),
        "began": _moment(data.get("began")),
        "pace": data.get("rows_per_second"),
    }
    return Report(**{**kept, **converted})


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _reason_counts(values: object) -> tuple[ReasonCount, ...]:
    return (
        tuple(ReasonCount(**one) for one in values) if isinstance(values, list) else ()
    )


#: What a report says about rejected rows whose file is gone.
REJECTS_GONE = "none is left: they have since been dropped or replayed"

#: Most notes shown; a crawl of a site that went away has one for each page.
_MOST_NOTES = 12

_HEADLINES: Mapping[Status, str] = {
    "loaded": "loaded",
    "failed": "stopped by a failure",
    "stopped": "stopped by the reject limit",
    "interrupted": "stopped on request",
    "blocked": "blocked by the site",
}


def _headline(report: Report) -> str:
    outcome = _HEADLINES[report.status]
    if report.status == "loaded" and report.counts.all_rejected:
        outcome = "every row was rejected, nothing is loaded"
    return (
        f"{report.source} → {report.target.table} in {report.target.database}: "
        f"{outcome}"
    )


def _pace(report: Report) -> str:
    megabytes = report.peak_memory_bytes / (1 << 20)
    return (
        f"{report.seconds:.2f} s, {report.rows_per_second:,.0f} rows/s, "
        f"{counted(report.batches, 'batch')}, {counted(report.retries, 'retry')}, "
        f"peak {megabytes:,.0f} MB"
    )


def _name(report: Report) -> str:
    """Return the run's name and when it began, to tell runs apart in a log."""
    if report.began is None:
        return f"run {report.run_id}"
    began = report.began.astimezone(UTC)
    return f"run {report.run_id}, began {began:%Y-%m-%d %H:%M:%S} UTC"


def _text_lines(report: Report) -> Iterable[str]:
    yield _headline(report)
    if report.message:
        yield f"  {report.message}"
    counts = asdict(report.counts)
    width = max(len(f"{value:,}") for value in counts.values())
    for name, value in counts.items():
        if value or name in {"read", "inserted"}:
            yield f"  {name:<11}{value:>{width},}"
    yield f"  {_pace(report)}"
    yield f"  {_name(report)}"
    for title, reasons in (
        ("rejected because", report.reasons_counted),
        ("loaded with a warning", report.warnings),
    ):
        if reasons:
            yield f"  {title}:"
        for reason in reasons:
            yield f"    {reason.rows:>{width},}  {reason.where}: {reason.said}"
    for note in _shown_notes(report):
        yield f"  note: {note}"
    if report.rejects_path:
        command = report.commands.show_rejects(report.run_id)
        how = command if Path(report.rejects_path).exists() else REJECTS_GONE
        yield f"  rejects: {how}"


def _shown_notes(report: Report) -> Iterable[str]:
    yield from report.notes[:_MOST_NOTES]
    remaining = len(report.notes) - _MOST_NOTES
    if remaining > 0:
        yield f"{remaining:,} more: {report.commands.show_run(report.run_id)} --json"


def _html(report: Report) -> str:
    counts = asdict(report.counts)
    return (
        # a notebook would take the text between two dollar signs for a formula
        "<div class='tex2jax_ignore mathjax_ignore'>"
        f"<b>{escape(_headline(report))}</b>"
        + (f"<p>{escape(report.message)}</p>" if report.message else "")
        + table((headings(counts), line(counts.values())))
        + f"<p>{escape(_pace(report))}<br>{escape(_name(report))}</p>"
        + html_reasons("Rejected because", report.reasons_counted, "report.reasons")
        + html_reasons("Loaded with a warning", report.warnings, "report.warnings")
        + "".join(f"<p>{escape(note)}</p>" for note in _shown_notes(report))
        + "</div>"
    )


def html_reasons(title: str, reasons: Sequence[ReasonCount], rest: str, /) -> str:
    """Return the most frequent reasons as HTML; nothing if there are none.

    Args:
        title: What they are reasons for.
        reasons: The reasons, the most frequent first.
        rest: Where to find those that are left out.
    """
    lines = [(one.rows, one.where, one.said) for one in reasons]
    return titled_table(title, lines, rest)
