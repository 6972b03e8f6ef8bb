"""A column's name and type, and what is told with it that Arrow's types cannot say.

Those have no JSON beside other text, and a column that holds numbers and texts is all
text: which of them only look like numbers is told with it.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from propload.batch import CREATED_AS, NUMBERS_BUT, WRITTEN_NUMBER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

#: What is told with a column, as the metadata of its field.
Told: TypeAlias = "dict[bytes, bytes]"
#: Of a column whose texts are JSON of objects and lists, nothing else.
IS_JSON: Mapping[bytes, bytes] = {CREATED_AS: b"jsonb"}
#: What has decimals, and texts that look as if they had been such.
FRACTIONS = frozenset({float, Decimal})
LOOKS_WRITTEN = re.compile(WRITTEN_NUMBER)


def make_field(
    name: str, kind: pa.DataType, told: Mapping[bytes, bytes] | None = None
) -> pa.Field:
    """Return a column's name and type, and what is told with it.

    Args:
        name: The column's name.
        kind: Its Arrow type.
        told: What is known of its values besides.
    """
    return pa.field(name, kind, metadata={**_created_as(kind), **(told or {})} or None)


def tell_numbers(values: Sequence[Any], types: Collection[type]) -> Told:
    """Return what tells numbers from texts where a column of text has both.

    Args:
        values: What the texts were made of.
        types: Their types.
    """
    if FRACTIONS.isdisjoint(types):
        return {}
    return numbers_but(
        {v for v in values if isinstance(v, str) and LOOKS_WRITTEN.match(v)}
    )


def numbers_but(texts: Collection[str]) -> Told:
    """Return what tells that some texts of a column are numbers in the source.

    Args:
        texts: Those that only look like numbers; all others that do are such.
    """
    return {NUMBERS_BUT: json.dumps(sorted(texts)).encode()}


def _created_as(kind: pa.DataType) -> Told:
    """Return the type of a new column where the values' own one does not tell it.

    The digits of Python's decimals are those of some rows, which others exceed.
    """
    if pa.types.is_decimal(kind):
        return {CREATED_AS: b"numeric"}
    is_list = pa.types.is_large_list(kind) and pa.types.is_decimal(kind.value_type)
    return {CREATED_AS: b"numeric[]"} if is_list else {}
