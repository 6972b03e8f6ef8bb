"""A decoder of JSON that loses nothing of numbers and names.

Python's own rounds long numbers, reads NaN, and keeps the last of two equal names.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any


def exact_number(text: str, /) -> float | Decimal:
    """Return the number as a float if that is exactly the same, else as a Decimal."""
    number = float(text)
    if repr(number) == text:
        return number
    exact = Decimal(text)
    # programs print a float with as many digits as it needs, or always with 17
    is_equal = math.isfinite(number) and exact in (
        Decimal(repr(number)),
        Decimal(f"{number:.17g}"),
    )
    return number if is_equal else exact


def _refuse_constant(word: str) -> None:
    msg = f"{word} is not a JSON number: write null"
    raise ValueError(msg)


def _strict_object(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    decoded = dict(fields)
    if len(decoded) < len(fields):
        names = [name for name, _ in fields]
        repeated = next(name for name in decoded if names.count(name) > 1)
        msg = f"the name {repeated!r} occurs twice in one object, which loses a value"
        raise ValueError(msg)
    return decoded


#: Decodes one value.
STRICT = json.JSONDecoder(
    parse_float=exact_number,
    parse_constant=_refuse_constant,
    object_pairs_hook=_strict_object,
)
