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

#: What the driver is told of reading: so many bytes of rows at once. 16 MB, which it
#: takes of its own accord, are no faster.
READING = {"adbc.postgresql.batch_size_hint_bytes": str(4 << 20)}

#: What the driver is told of a question with a short answer: that comes at once. By
#: COPY, which is quicker of many rows, it takes three round trips.
ASKING = {"adbc.postgresql.use_copy": "false"}
