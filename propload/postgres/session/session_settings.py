"""What a session needs so that the same text means the same value everywhere."""

from __future__ import annotations

SETTINGS = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    # the upsert is written for it; a stricter default would only raise 40001
    "default_transaction_isolation": "read committed",
    # compiling one statement costs more than it saves on a batch
    "jit": "off",
}
