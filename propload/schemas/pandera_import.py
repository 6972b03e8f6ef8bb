"""The only module that imports pandera; it undoes what that does to the process.

Importing pandera sets environment variables for PySpark. Pyarrow reads one of them,
PYARROW_IGNORE_TIMEZONE, at each conversion: it would from then on take datetimes of any
time zone for UTC, in all tables that the user's program makes.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Environment variables that importing pandera sets if they are not set already.
SET_BY_PANDERA = ("PYARROW_IGNORE_TIMEZONE", "SPARK_LOCAL_IP")


@contextmanager
def _environment_kept() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in SET_BY_PANDERA}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


with _environment_kept():
    import pandera.polars as pa
    from pandera import config
    from pandera.api.function_dispatch import Dispatcher
    from pandera.constants import CHECK_OUTPUT_KEY

__all__ = ["CHECK_OUTPUT_KEY", "Dispatcher", "config", "pa"]
