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
    # off, a null in an array that is sent as text becomes the text NULL
    "array_nulls": "on",
    # the upsert is written for it; a stricter default would only raise 40001
    "default_transaction_isolation": "read committed",
    # compiling one statement costs more than it saves on a batch
    "jit": "off",
}

#: What the server does about a line that is cut without a word: as this side does
#: (see dsn.py), unless the server or the user has chosen something.
LINE_SETTINGS = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
}

#: How many bytes of rows the driver reads at once: its default of 16 MB is no faster.
READING = {"adbc.postgresql.batch_size_hint_bytes": str(4 << 20)}

#: Has the driver ask in one round trip: its default, COPY, is faster for many rows but
#: takes three.
ASKING = {"adbc.postgresql.use_copy": "false"}
