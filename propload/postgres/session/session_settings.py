"""Session settings, by which the same text means the same value on every server."""

from __future__ import annotations

SETTINGS = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    # if off, a null in an array that is sent as text becomes the text NULL
    "array_nulls": "on",
    # the upsert is written for it; a stricter level would only raise 40001
    "default_transaction_isolation": "read committed",
    # compiling one statement costs more than it saves on a batch
    "jit": "off",
}

#: How the server notices a connection that was cut silently: as this side does (see
#: dsn.py), unless the server or the user has set something.
KEEPALIVE_SETTINGS = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
}

#: How many bytes of rows the driver reads at a time: its default, 16 MB, is no faster.
READ_OPTIONS = {"adbc.postgresql.batch_size_hint_bytes": str(4 << 20)}

#: Makes the driver query in one round trip. Its default, COPY, is faster for many rows
#: but takes three.
QUERY_OPTIONS = {"adbc.postgresql.use_copy": "false"}
