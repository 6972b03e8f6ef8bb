"""How many digits amounts of money have, after the decimal mark and in all."""

from __future__ import annotations

from propload.errors import ConfigError

#: A 64-bit count of the smallest coin: 10,000 million million euros.
MONEY_DIGITS = 18


def money_scale(scale: object, /) -> int:
    """Return a number of digits after the decimal mark, once it is checked.

    Raises:
        ConfigError: It is not a number from 0 to `MONEY_DIGITS`.
    """
    # True and False are of type int as well
    if type(scale) is not int or not 0 <= scale <= MONEY_DIGITS:
        msg = f"scale {scale!r} is not a number of digits from 0 to {MONEY_DIGITS}"
        raise ConfigError(msg)
    return scale
