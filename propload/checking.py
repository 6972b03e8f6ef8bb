"""`check()`: what a load would do, found out without writing anything."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import TYPE_CHECKING, cast

import polars as pl

from propload import config
from propload.batch import ROW
from propload.choosing import (
    choose_table,
    choose_target,
    default_settings,
    find_checker,
    open_database,
)
from propload.composing import make_preparer
from propload.errors import ConfigError, SchemaMismatchError, WriteError
from propload.fitting import in_context, refuse_names
from propload.ingesting import source_options
from propload.planning import Plan
from propload.postgres.types import create_type, plan_columns
from propload.prepare.joining import Joiner
from propload.report import ReasonCount
from propload.sources import open_source
from propload.target import ColumnPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from typing_extensions import Unpack

    from propload.batch import Batch
    from propload.options import Settings
    from propload.postgres.facts import TableFacts
    from propload.prepare.joining import Joined
    from propload.prepare.preparing import Preparer
    from propload.report import Plain, TextPrinter
    from propload.target import Target

#: Batches are joined to this many rows: large, since nothing waits for them.
CHECKED_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """How one column would travel.

    Attributes:
        column: Its name.
        type: Its type in the rows, after mapping and guessing.
        table_type: The table's type, or the one it would be created with.
        nulls: Rows without a value.
        distinct: Whether no value stands twice.
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
        table: Where it would go.
        exists: Whether that table is there.
        rows: Rows read.
        rejected: Rows that would be refused before the database.
        columns: How each column would travel.
        reasons: Refused rows by reason, most first.
        key: The key that would be used; empty where there is none.
        key_repeats: Rows whose key stands in an earlier row.
        row_repeats: Rows that are the same as an earlier row in every column.
        problems: What would stop the load, one sentence each.
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

    @property
    def candidates(self) -> tuple[str, ...]:
        """The columns that identify every row by themselves."""
        return tuple(c.column for c in self.columns if c.distinct and not c.nulls)

    def as_dict(self) -> dict[str, Plain]:
        """Return the report as plain values."""
        values = cast("dict[str, Plain]", asdict(self))
        return {**values, "candidates": list(self.candidates)}

    def to_json(self) -> str:
        """Return the report as one JSON object."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2)

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def _repr_pretty_(self, printer: TextPrinter, _is_cycle: bool) -> None:  # noqa: FBT001 - IPython's signature
        printer.text(str(self))


def check(
    source: object, /, *, job: str | None = None, **settings: Unpack[Settings]
) -> CheckReport:
    """Return what `ingest` would do with a source, without writing.

    Args:
        source: As for `ingest`; it is read to its end.
        job: A job of the configuration file whose settings hold.
        **settings: As for `ingest`.

    Raises:
        ConfigError: A setting, mapping or schema cannot be used.
        SourceError: The source cannot be read.
    """
    plan = Plan.of(config.resolve(settings, job=job))
    opened = open_source(source, source_options(plan.settings))
    plan = plan.with_defaults(default_settings(opened, plan.settings))
    checker = find_checker(plan.settings)
    defaults = checker.target_defaults if checker else None
    table = choose_table(plan.settings, defaults, opened.name)
    with ExitStack() as stack:
        facts = stack.enter_context(open_database(plan)).facts(table)
    problems: list[str] = []
    try:
        target = choose_target(plan.settings, defaults, table, facts)
    except ConfigError as error:
        problems.append(str(error))
        without_key: Settings = {**plan.settings, "mode": "append"}
        target = choose_target(without_key, defaults, table, facts)
    looking = _Looking(
        make_preparer(plan, opened, checker, target),
        target,
        facts,
        checker.pg_types if checker else {},
        problems,
    )
    for joined in Joiner(_Given(iter(opened)), lambda: CHECKED_ROWS, 0.0):
        looking.look(joined)
    return looking.report(opened.name)


class _Given:
    """Batches for a joiner, without a queue between."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches

    def get(self, *, timeout: float | None = None) -> Batch | None:  # noqa: ARG002 - a file never makes one wait
        return next(self._batches, None)


class _Repeats:
    """Counts values that stand twice; two rows share a 64-bit hash by chance only."""

    def __init__(self) -> None:
        self._hashes: list[pl.Series] = []

    def add(self, hashes: pl.Series) -> None:
        """Note the hashes of more rows."""
        self._hashes.append(hashes)

    @property
    def count(self) -> int:
        """The rows that repeat an earlier one."""
        if not self._hashes:
            return 0
        every = pl.concat(self._hashes)
        return every.len() - every.n_unique()


class _Looking:
    """Looks at the rows of a source and notes what would become of them."""

    def __init__(
        self,
        preparer: Preparer,
        target: Target,
        facts: TableFacts | None,
        pg_types: Mapping[str, str],
        problems: list[str],
    ) -> None:
        self._preparer = preparer
        self._target = target
        self._facts = facts
        self._pg_types = pg_types
        self._problems = problems
        self._fitted: dict[tuple[str, ...], Preparer] = {}
        self._types: dict[str, tuple[str, str]] = {}
        self._nulls: Counter[str] = Counter()
        self._columns: dict[str, _Repeats] = {}
        self._repeated: set[str] = set()
        self._rows = _Repeats()
        self._keys = _Repeats()
        self._reasons: Counter[tuple[str, str | None, str]] = Counter()
        self._examples: dict[tuple[str, str | None, str], str] = {}
        self._read = self._rejected = 0
        self._require_key()

    def look(self, joined: Joined) -> None:
        """Note what would become of some rows."""
        self._read += joined.height + joined.unread
        _, unread = joined.refused_by_source()
        self._refuse(unread)
        preparer = self._fit(joined)
        if preparer is None:
            return
        sifted, _ = in_context(preparer, joined).sift(joined.raw())
        self._refuse(sifted.reasons)
        frame = sifted.frame.drop(ROW)
        if not frame.height:
            return
        self._rows.add(_hashes(frame))
        if self._target.key:
            self._keys.add(_hashes(frame.select(self._target.key)))
        for column in frame.iter_columns():
            self._look_at(column)

    def report(self, source: str) -> CheckReport:
        """Return what was noted."""
        columns = tuple(
            ColumnCheck(
                name,
                *types,
                nulls=self._nulls[name],
                distinct=name in self._columns and not self._columns[name].count,
            )
            for name, types in self._types.items()
        )
        return CheckReport(
            source=source,
            table=str(self._target.table),
            exists=self._facts is not None,
            rows=self._read,
            rejected=self._rejected,
            columns=columns,
            reasons=tuple(
                ReasonCount(*key, rows, self._examples[key])
                for key, rows in self._reasons.most_common()
            ),
            key=self._target.key,
            key_repeats=self._keys.count,
            row_repeats=self._rows.count,
            problems=tuple(dict.fromkeys(self._problems)),
        )

    def _require_key(self) -> None:
        if self._facts is None or not self._target.key:
            return
        try:
            self._facts.require_key(self._target.key)
        except WriteError as error:
            self._problems.append(str(error))

    def _fit(self, joined: Joined) -> Preparer | None:
        schema = joined.parts[0].rows.schema
        shape = tuple(f"{field.name}:{field.type}" for field in schema)
        if shape not in self._fitted:
            stored = [c.name for c in self._facts.columns] if self._facts else []
            try:
                refuse_names(schema.names)
                first = replace(joined, parts=joined.parts[:1]).raw()
                fitted = in_context(self._preparer, joined).fit(
                    first, untyped=joined.untyped, stored=stored
                )
            except (ConfigError, SchemaMismatchError) as error:
                self._problems.append(str(error))
                return None
            self._fitted[shape] = self._plan(fitted)
        return self._fitted[shape]

    def _plan(self, fitted: Preparer) -> Preparer:
        facts = self._facts
        if facts is None:
            for name, dtype in fitted.schema.items():
                created = self._pg_types.get(name) or create_type(dtype)
                self._types.setdefault(name, (str(dtype), created))
            return _as_they_are(fitted)
        known = {column.name: column.pg_type for column in facts.columns}
        new = [name for name in fitted.schema if name not in known]
        if new and self._target.on_new_columns == "refuse":
            self._problems.append(
                f"table {facts.name} lacks the column {', '.join(new)}: add it with "
                "--on-new-columns add, or leave it out with --on-new-columns ignore"
            )
        kept = {n: t for n, t in fitted.schema.items() if n in known}
        for name, dtype in fitted.schema.items():
            self._types.setdefault(name, (str(dtype), known.get(name, "(new)")))
        try:
            plan = plan_columns(kept, facts.columns)
        except SchemaMismatchError as error:
            self._problems.append(str(error))
            return _as_they_are(fitted)
        # what the table lacks is told already; the rows are judged all the same
        has_key = all(name in kept for name in self._target.key)
        return fitted.with_plan(plan) if has_key else _as_they_are(fitted)

    def _look_at(self, column: pl.Series) -> None:
        name = column.name
        self._nulls[name] += column.null_count()
        if name in self._repeated:
            return
        hashes = _hashes(column.to_frame())
        if hashes.n_unique() < hashes.len():
            self._repeated.add(name)
            self._columns.pop(name, None)
        else:
            self._columns.setdefault(name, _Repeats()).add(hashes)

    def _refuse(self, reasons: pl.DataFrame) -> None:
        self._rejected += reasons[ROW].n_unique()
        for stage, column, what, message in reasons.select(
            "stage", "column", "check", "message"
        ).iter_rows():
            key = (stage, column, what)
            self._reasons[key] += 1
            self._examples.setdefault(key, message)


def _as_they_are(fitted: Preparer) -> Preparer:
    """Return the preparer with a plan that casts no column."""
    plan = (ColumnPlan(n, t, "copy", str(t)) for n, t in fitted.schema.items())
    return fitted.with_plan(tuple(plan))


def _hashes(frame: pl.DataFrame) -> pl.Series:
    return frame.hash_rows(seed=0)


def _lines(report: CheckReport) -> Iterable[str]:
    there = "exists" if report.exists else "would be created"
    yield f"{report.source} → {report.table} ({there}): nothing was written"
    yield f"  {report.rows:,} rows read, {report.rejected:,} would be refused"
    yield from _key_lines(report)
    width = max((len(c.column) for c in report.columns), default=0)
    for column in report.columns:
        nulls = f"  {column.nulls:,} nulls" if column.nulls else ""
        yield f"  {column.column:<{width}}  {column.type} → {column.table_type}{nulls}"
    if report.reasons:
        yield "  would be refused because:"
    for one in report.reasons:
        column_name = f" {one.column}" if one.column else ""
        yield f"    {one.rows:,}  {one.stage}{column_name} {one.check}: {one.example}"
    for problem in report.problems:
        yield f"  would stop the load: {problem}"


def _key_lines(report: CheckReport) -> Iterable[str]:
    if report.key:
        yield (
            f"  key {', '.join(report.key)}: {report.key_repeats:,} rows repeat "
            "the key of an earlier row"
        )
    elif report.candidates:
        yield f"  may be the key: {', '.join(report.candidates)}"
    else:
        yield "  no column identifies a row by itself: each repeats a value or is empty"
    if report.row_repeats:
        yield f"  {report.row_repeats:,} rows repeat an earlier row in every column"
