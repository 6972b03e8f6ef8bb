"""The order of prepare: map, cast, check, cast to the table, dedupe, route."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ROW, Deduped, Sifted, join_reasons, no_reasons
from propload.errors import ConfigError, CountsError
from propload.messages.suggestions import SLIP, nearest
from propload.messages.wording import counted, listed_names
from propload.names.type_names import type_name
from propload.prepare.casting.inference import ORDERED, infer_types
from propload.prepare.casting.row_casting import Cast, cast, cast_types
from propload.prepare.dedupe import check_keys, dedupe
from propload.prepare.mapping.column_mapping import MapContext, Mapping
from propload.prepare.routing import route

if TYPE_CHECKING:
    from collections import abc
    from collections.abc import Collection, Iterable, Sequence

    from propload.prepare.checks.validation import Checker
    from propload.prepare.joining import Joined
    from propload.prepare.mapping.column_mapping import RowMapping
    from propload.target import ColumnPlan, Mode, OnNull


@dataclass(frozen=True, slots=True)
class Prepared:
    """The rows of one batch after prepare.

    Attributes:
        lanes: The rows that each lane writes.
        reasons: Why rows were rejected, with the columns `REASONS`.
        warnings: How many rows each warning applies to, columns `WARNINGS`, or None.
    """

    lanes: list[Deduped]
    reasons: pl.DataFrame
    warnings: pl.DataFrame | None = None

    @property
    def height(self) -> int:
        """How many rows are to be written."""
        return sum(rows.height for rows in self.lanes)

    @property
    def duplicates(self) -> int:
        """How many rows dedupe dropped."""
        return sum(rows.duplicates for rows in self.lanes)


@dataclass(frozen=True, slots=True)
class Preparer:
    """Prepares rows that have one set of columns, after two steps of setup.

    `fit` inspects the first rows and sets `schema`, the columns that a table needs;
    `with_plan` sets the columns that the table has; then `prepare` may be called.

    Attributes:
        mapping: Makes the target's columns from raw ones; None takes those as they are.
        checker: Checks rows against a schema; None accepts all.
        key: The columns that identify a row.
        newest: The column that orders the versions of a row.
        on_null: Whether a null overwrites a known value or keeps it.
        mode: What happens to a row whose key is stored.
        lanes: How many lanes rows are routed to.
        context: What the mapping can use besides the rows.
        schema: After `fit`: the columns of the rows, without `ROW`.
        inferred: The types among them that were inferred from text; before `fit`, those
            inferred earlier, which still apply.
        plan: After `with_plan`: how each column is sent to the table.
        together: After `with_plan`: whether all rows go to the first lane.
    """

    mapping: RowMapping | None = None
    checker: Checker | None = None
    key: tuple[str, ...] = ()
    newest: str | None = None
    on_null: OnNull = "overwrite"
    mode: Mode = "upsert"
    lanes: int = 1
    context: MapContext = field(default_factory=MapContext)
    schema: pl.Schema = field(default_factory=pl.Schema)
    inferred: abc.Mapping[str, pl.DataType] = field(default_factory=dict)
    plan: tuple[ColumnPlan, ...] = ()
    together: bool = False

    def fit(
        self,
        raw: pl.DataFrame,
        *,
        untyped: bool = False,
        stored: Collection[str] = (),
        declared: Collection[str] = (),
        numbers: abc.Mapping[str, pl.Series] | None = None,
        lenient: bool = False,
    ) -> Preparer:
        """Return a preparer for rows with the same columns as these.

        Args:
            raw: The first rows as read, with `ROW`.
            untyped: Whether text columns are text only because the source has no types.
            stored: Columns of the existing table, whose types override inferred ones.
            declared: Text columns whose PostgreSQL type the source gives.
            numbers: Texts that are numbers in the source, by column.
            lenient: Whether rows may lack columns of the key or `newest` that the table
                has, because other rows of the run have them.

        Raises:
            ConfigError: The rows lack a column of the key, or `newest`; or an
                expression of the mapping depends on other rows.
        """
        mapped = self._map(raw).frame
        if isinstance(self.mapping, Mapping):
            self.mapping.try_expressions(raw)
        mapped_types = {n: t for n, t in mapped.schema.items() if n != ROW}
        schema_types = self._schema_types(mapped_types)
        typed_elsewhere = {*schema_types, *stored, *declared}
        inferred = self._infer_types(
            mapped, typed_elsewhere, untyped=untyped, numbers=numbers
        )
        schema = pl.Schema({**mapped_types, **inferred, **schema_types})
        if self.checker is not None:
            schema = self.checker.shape(schema)
        schema = self._with_required(schema, stored, lenient=lenient)
        return replace(self, schema=schema, inferred={**self.inferred, **inferred})

    def _infer_types(
        self,
        mapped: pl.DataFrame,
        excluded: Collection[str],
        *,
        untyped: bool,
        numbers: abc.Mapping[str, pl.Series] | None,
    ) -> dict[str, pl.DataType]:
        """Return types for text columns that hold numbers, dates or the like.

        Text that a mapping makes is meant to be text.
        A type that was inferred earlier is kept, as other rows might suggest another.
        If the source has types, only that of `newest` is inferred: compared as text,
        9 is newer than 10.
        """
        names = [
            name
            for name in self.unmapped(mapped.columns)
            if name != ROW and name not in excluded
        ]
        kept = {
            name: self.inferred[name]
            for name in names
            if name in self.inferred and mapped.schema[name] == pl.String
        }
        names = [name for name in names if name not in kept]
        if untyped:
            inferred = infer_types(mapped, names, numbers=numbers)
        else:
            ordering = [name for name in names if name == self.newest]
            inferred = infer_types(mapped, ordering, candidates=ORDERED)
        # in a key, 1.10 and 1.1 may be two names although they are one number
        texts = {n for n in self.key if inferred.get(n) == pl.Float64}
        inferred = {
            n: t for n, t in inferred.items() if t != pl.String and n not in texts
        }
        return {**inferred, **kept}

    def unmapped(self, names: Iterable[str]) -> list[str]:
        """Return the columns that are as they were read, and not made by a mapping."""
        if self.mapping is None:
            return list(names)
        if not isinstance(self.mapping, Mapping):
            return []
        return [name for name in names if name not in self.mapping.columns]

    def _with_required(
        self, schema: pl.Schema, stored: Collection[str], *, lenient: bool
    ) -> pl.Schema:
        """Return the columns, adding those of the key and `newest` that rows may lack.

        Raises:
            ConfigError: Rows lack one that they may not lack.
        """
        missing = [name for name in self._required() if name not in schema]
        # a table that does not exist yet will have the columns of earlier rows
        if missing and lenient and (not stored or set(missing) <= set(stored)):
            # these rows are rejected for a null in the key, or count as the oldest
            return pl.Schema({**schema, **dict.fromkeys(missing, pl.Null())})
        if missing:
            raise ConfigError(self._missing_message(missing, tuple(schema)))
        return schema

    def _missing_message(self, missing: Sequence[str], known: Sequence[str]) -> str:
        """Return the error message about needed columns that the rows lack."""
        are = "is" if len(missing) == 1 else "are"
        message = (
            f"{_columns(missing)} {are} needed (key or newest) but {are} not among the "
            f"columns of the rows: {listed_names(known) or 'they have none'}"
        )
        near = filter(None, (nearest(name, known, cutoff=SLIP) for name in missing))
        if meant := ", ".join(map(repr, near)):
            return f"{message}; did you mean {meant}?"
        if self.checker is None or self.mapping is not None:
            return message
        return (
            f"{message}. If their names differ from those in the schema, map them "
            "(--mapping)"
        )

    def determines_types(self, joined: Joined) -> bool:
        """Return whether these rows determine the column types of a new table.

        Without any rows, columns of an untyped source may be anything, unless a mapping
        or a schema determines them.

        Args:
            joined: The rows that `fit` saw.
        """
        if joined.height or not joined.untyped:
            return True
        typed = self._schema_types(tuple(self.schema))
        return set(self.unmapped(self.schema)) <= set(typed)

    def created_as(self, source_types: abc.Mapping[str, str]) -> dict[str, str]:
        """Return types of new columns that the source determines and Arrow cannot.

        Text that comes from a mapping or a schema is meant to be text.

        Args:
            source_types: PostgreSQL types of the columns whose Arrow type does not
                determine them.
        """
        schema_types = self._schema_types(tuple(source_types))
        return {
            name: source_types[name]
            for name in self.unmapped(source_types)
            if name in self.schema
            and name not in schema_types
            and name not in self.inferred
        }

    def with_plan(
        self, plan: tuple[ColumnPlan, ...], *, together: bool = False
    ) -> Preparer:
        """Return a preparer that casts to the table's columns.

        Args:
            plan: How each column is sent to the table.
            together: Whether all rows are to go to the first lane.
        """
        return replace(self, plan=tuple(plan), together=together)

    def prepare(self, raw: pl.DataFrame) -> Prepared:
        """Return the rows of one batch, ready to be written.

        Args:
            raw: Rows as read, with `ROW`, of the columns that `fit` saw.

        Raises:
            SchemaMismatchError: The rows as a whole do not fit schema or table.
        """
        validated, warnings = self.validate(raw)
        rows = self.layer(validated.frame)
        lanes = route(rows, key=self.key, lanes=self.lanes, together=self.together)
        return Prepared(lanes, validated.reasons, warnings)

    def validate(self, raw: pl.DataFrame) -> tuple[Sifted, pl.DataFrame | None]:
        """Return the rows that can be written, reasons for the others, and warnings."""
        mapped = self._map(raw)
        missing = [n for n in self._required() if n not in mapped.frame.columns]
        if missing:
            nulls = [pl.lit(None).alias(name) for name in missing]
            mapped = Sifted(mapped.frame.with_columns(nulls), mapped.reasons)
        typed = cast_types(mapped.frame, self.first_casts(mapped.frame.schema))
        checked, warnings = self._check(typed.frame)
        planned = cast(checked.frame, self.plan)
        keyed = check_keys(planned.frame, self.key)
        steps = (mapped, typed, checked, planned, keyed)
        reasons = join_reasons([step.reasons for step in steps])
        return Sifted(keyed.frame, reasons), warnings

    def layer(self, frame: pl.DataFrame) -> Deduped:
        """Return the rows after dedupe, in layers to be written one after the other.

        Args:
            frame: The rows that passed `validate`.
        """
        if self.mode == "append":
            # every row is added; in key order, the index is filled faster
            return Deduped(
                (frame.sort(self.key, maintain_order=True) if self.key else frame,)
            )
        return dedupe(
            frame,
            key=self.key,
            newest=self.newest,
            on_null=self.on_null,
            ranked=all(
                p.sorts_like_server for p in self.plan if p.column == self.newest
            ),
            first=self.mode == "insert-new",
        )

    def first_casts(self, schema: pl.Schema) -> list[Cast]:
        """Return the casts made before the check, so that all bad columns are found.

        Columns to which the schema gives a type get that type; the others are cast
        directly to the type of the table.

        Args:
            schema: Names and types of mapped columns.
        """
        names = [name for name in schema if name != ROW]
        typed = self._schema_types(names)
        first = [Cast(n, t, type_name(t)) for n, t in typed.items() if n in schema]
        return first + [
            Cast.of(step, inferred=self.inferred.get(step.column) == step.dtype)
            for step in self.plan
            if step.column in schema
            and step.column not in typed
            and not self._is_checked_whole(schema[step.column], step.dtype)
        ]

    def _is_checked_whole(self, source: pl.DataType, wanted: pl.DataType) -> bool:
        """Return whether the check comes before a list or struct becomes text."""
        return (
            self.checker is not None and source.is_nested() and not wanted.is_nested()
        )

    def _map(self, raw: pl.DataFrame) -> Sifted:
        if self.mapping is None:
            return Sifted(raw, no_reasons())
        return _require_complete(
            self.mapping.apply(raw, self.context), raw.height, "mapping"
        )

    def _check(self, frame: pl.DataFrame) -> tuple[Sifted, pl.DataFrame | None]:
        if self.checker is None:
            return Sifted(frame, no_reasons()), None
        checked = _require_complete(self.checker.check(frame), frame.height, "schema")
        return checked, self.checker.warnings(checked.frame)

    def _schema_types(self, names: Collection[str]) -> abc.Mapping[str, pl.DataType]:
        return {} if self.checker is None else self.checker.types(names)

    def _required(self) -> tuple[str, ...]:
        return (*self.key, *((self.newest,) if self.newest is not None else ()))


def _columns(names: Sequence[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {listed_names(names)}"


def _require_complete(result: Sifted, rows: int, step: str) -> Sifted:
    """Return the result of a step, if each row is in its frame or has a reason.

    This is checked because mappings and schemas may be the user's code.

    Raises:
        CountsError: Rows are missing, or occur twice.
    """
    refused = result.reasons[ROW].n_unique() if result.reasons.height else 0
    if result.frame.height + refused != rows:
        msg = (
            f"the {step} was given {counted(rows, 'row')} and returned "
            f"{result.frame.height:,} of them and reasons for {refused:,}: each row "
            "has to be in its frame or to have a reason"
        )
        raise CountsError(msg)
    return result
