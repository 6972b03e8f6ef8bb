"""Arrow's rarer types as those that rows are prepared in, without losing a value."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from propload.batch import CREATED_AS
from propload.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = pa.large_string()
#: Digits of the widest decimal that rows are prepared in.
DECIMAL_DIGITS = 38


def settle_types(rows: pa.RecordBatch, source: str) -> pa.RecordBatch:
    """Return rows whose columns all have types that can be prepared.

    Args:
        rows: Rows of any types.
        source: What messages call their source.

    Raises:
        SourceError: A column has a type that nothing can be made of.
    """
    for place, field in enumerate(rows.schema):
        found = _conversion(field.type)
        if found is None:
            continue
        convert, created_as = found
        try:
            column = convert(rows.column(place))
        except (pa.ArrowException, ValueError) as error:
            msg = f"{source}: column {field.name} is {field.type}, and {error}"
            raise SourceError(msg, source=source) from error
        told = {CREATED_AS: created_as} if created_as else None
        rows = rows.set_column(
            place, pa.field(field.name, column.type, metadata=told), column
        )
    return rows


def _conversion(
    kind: pa.DataType,
) -> tuple[Callable[[pa.Array], pa.Array], bytes | None] | None:
    """Return what makes a known type of one, and the type of a new column for it."""
    if isinstance(kind, pa.BaseExtensionType):
        return _of_extension(kind)
    if pa.types.is_decimal256(kind):
        return _of_decimal(kind)
    if pa.types.is_date64(kind):
        return (lambda column: column.cast(pa.date32())), None
    if pa.types.is_run_end_encoded(kind):
        return pc.run_end_decode, None
    if pa.types.is_interval(kind):
        return _refuse, None
    return None


def _of_decimal(
    kind: pa.Decimal256Type,
) -> tuple[Callable[[pa.Array], pa.Array], bytes | None]:
    if kind.precision <= DECIMAL_DIGITS:
        narrow = pa.decimal128(kind.precision, kind.scale)
        return (lambda column: column.cast(narrow)), None
    wide = f"numeric({kind.precision},{kind.scale})"
    return (lambda column: column.cast(TEXT)), wide.encode()


def _of_extension(
    kind: pa.BaseExtensionType,
) -> tuple[Callable[[pa.Array], pa.Array], bytes | None]:
    name = kind.extension_name
    if name == "arrow.json":
        return (lambda column: column.storage.cast(TEXT)), b"jsonb"
    if name == "arrow.uuid":
        return _uuid_text, b"uuid"
    if name == "arrow.bool8":
        return (lambda column: column.storage.cast(pa.bool_())), None
    return (lambda column: column.storage), None


def _uuid_text(column: pa.Array) -> pa.Array:
    raw = column.storage.to_pylist()
    return pa.array([one and str(uuid.UUID(bytes=one)) for one in raw], TEXT)


def _refuse(_: pa.Array) -> pa.Array:
    msg = "nothing can be made of it: write it as a duration or as text"
    raise ValueError(msg)
