"""The one place that imports pandera, and undoes what that does to the process.

Importing pandera sets environment variables for PySpark. Pyarrow reads one of them,
PYARROW_IGNORE_TIMEZONE, at each conversion: from then on a moment of any zone would be
taken for UTC in all tables that the user's program makes.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What importing pandera sets unless it is set already.
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
