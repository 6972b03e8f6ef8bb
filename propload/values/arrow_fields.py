"""Arrow fields, with metadata for what Arrow's types cannot express.

Arrow has no type for JSON as distinct from text, and a column of both numbers and texts
becomes text: metadata says which of the texts only look like numbers.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from propload.batch import CREATED_AS, NON_NUMBERS, WRITTEN_NUMBER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

#: The metadata of a column's field.
FieldMetadata: TypeAlias = "dict[bytes, bytes]"
#: For a column whose texts are all JSON of objects and lists.
IS_JSON: Mapping[bytes, bytes] = {CREATED_AS: b"jsonb"}
#: Types of numbers with decimals, and the pattern of texts that look like one.
FRACTIONS = frozenset({float, Decimal})
NUMBER_TEXT = re.compile(WRITTEN_NUMBER)


def make_field(
    name: str, kind: pa.DataType, metadata: Mapping[bytes, bytes] | None = None
) -> pa.Field:
    """Return the field of a column.

    Args:
        name: The column's name.
        kind: Its Arrow type.
        metadata: More metadata about its values.
    """
    return pa.field(
        name, kind, metadata={**_created_as(kind), **(metadata or {})} or None
    )


def number_metadata(values: Sequence[Any], types: Collection[type]) -> FieldMetadata:
    """Return metadata that distinguishes numbers from texts in a text column of both.

    Args:
        values: The values from which the texts were made.
        types: The types of the values.
    """
    if FRACTIONS.isdisjoint(types):
        return {}
    return non_number_metadata(
        {v for v in values if isinstance(v, str) and NUMBER_TEXT.match(v)}
    )


def non_number_metadata(texts: Collection[str]) -> FieldMetadata:
    """Return metadata that marks texts of a column as numbers in the source.

    Args:
        texts: Texts that only look like numbers; all others that do are numbers.
    """
    return {NON_NUMBERS: json.dumps(sorted(texts)).encode()}


def _created_as(kind: pa.DataType) -> FieldMetadata:
    """Return the type of a new column, if the Arrow type does not determine it.

    A decimal type has the digits of some rows, which other rows may exceed.
    """
    if pa.types.is_decimal(kind):
        return {CREATED_AS: b"numeric"}
    is_list = pa.types.is_large_list(kind) and pa.types.is_decimal(kind.value_type)
    return {CREATED_AS: b"numeric[]"} if is_list else {}
