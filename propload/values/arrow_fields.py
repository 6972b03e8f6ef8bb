"""A column's name and type, and what is told with it that Arrow's types cannot say.

Those have no JSON beside other text, and a column that holds numbers and texts is all
text: which of them only look like numbers is told with it.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from propload.batch import CREATED_AS, NUMBERS_BUT, WRITTEN_NUMBER
from propload.values.python_values import KNOWN, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

#: What has decimals, and texts that look as if they had been such.
FRACTIONS = frozenset({float, Decimal})
LOOKS_WRITTEN = re.compile(WRITTEN_NUMBER)


def make_field(name: str, kind: pa.DataType, *, is_json: bool) -> pa.Field:
    """Return a column's name and type, and what a new column is where that is more.

    Args:
        name: The column's name.
        kind: Its Arrow type.
        is_json: Whether its texts are JSON of objects and lists, nothing else.
    """
    created_as = b"jsonb" if is_json else _created_as(kind)
    return pa.field(
        name, kind, metadata={CREATED_AS: created_as} if created_as else None
    )


def mark_numbers(column: pa.Field, values: Sequence[Any]) -> pa.Field:
    """Return a text column's field, with what tells numbers from texts if it has both.

    Args:
        column: The field.
        values: What the texts were made of.
    """
    types = set(map(type, values))
    if not types <= KNOWN:
        values = [plain(value) for value in values]
        types = set(map(type, values))
    if FRACTIONS.isdisjoint(types):
        return column
    texts = {v for v in values if isinstance(v, str) and LOOKS_WRITTEN.match(v)}
    return but_texts(column, texts)


def but_texts(column: pa.Field, texts: Collection[str]) -> pa.Field:
    """Return a text column's field that tells which texts only look like numbers.

    Args:
        column: The field.
        texts: All of them; what else looks like a number is one in the source.
    """
    others = json.dumps(sorted(texts)).encode()
    return column.with_metadata({**(column.metadata or {}), NUMBERS_BUT: others})


def _created_as(kind: pa.DataType) -> bytes | None:
    """Return the type of a new column where the values' own one does not tell it.

    The digits of Python's decimals are those of some rows, which others exceed.
    """
    if pa.types.is_decimal(kind):
        return b"numeric"
    is_list = pa.types.is_large_list(kind) and pa.types.is_decimal(kind.value_type)
    return b"numeric[]" if is_list else None
