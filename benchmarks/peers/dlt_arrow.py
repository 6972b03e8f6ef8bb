"""dlt, merge with strategy upsert, from Arrow through Parquet and ADBC: its default.

The table is created beforehand with the primary key that all other candidates have: dlt
itself creates none (`dlt_keyless`).
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import dlt
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.scratch import Scratch

FORM = "frame"
MOST_ROWS = 1_000_000
UPSERT: dict[str, Any] = {"disposition": "merge", "strategy": "upsert"}

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")


def reset(scratch: Scratch, table: str, /) -> None:
    """Create the table again, with its key, and delete what dlt knows about it."""
    forget(scratch, table)
    scratch.create(table)


def forget(scratch: Scratch, table: str, /) -> None:
    """Drop the table, and the state that dlt keeps in its folder and in the server."""
    shutil.rmtree(scratch.state / "dlt" / table, ignore_errors=True)
    scratch.execute(f"DROP TABLE IF EXISTS {table}", *_dropped(scratch))


def load(rows: pl.DataFrame, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows."""
    run(rows.to_arrow(), scratch, table, loader_file_format="parquet")


def run(
    rows: Any,
    scratch: Scratch,
    table: str,
    /,
    *,
    disposition: Any = UPSERT,
    **more: Any,
) -> None:
    """Run a pipeline of dlt."""
    pipeline = dlt.pipeline(
        pipeline_name=f"benchmark_{table}",
        pipelines_dir=str(scratch.state / "dlt" / table),
        destination=dlt.destinations.postgres(_url(scratch.dsn)),
        dataset_name=scratch.namespace,
    )
    pipeline.run(
        rows,
        table_name=table,
        write_disposition=disposition,
        primary_key=list(scratch.layout.key),
        **more,
    )


def _url(dsn: str) -> str:
    """Return the connection string as dlt needs it, with a dummy password if none."""
    parameters = conninfo_to_dict(dsn)
    host = quote(str(parameters.get("host") or "localhost"), safe="")
    password = quote(str(parameters.get("password") or "none"), safe="")
    user = quote(str(parameters.get("user") or "postgres"), safe="")
    port = parameters.get("port") or 5432
    return f"postgresql://{user}:{password}@{host}:{port}/{parameters['dbname']}"


def _dropped(scratch: Scratch) -> list[str]:
    names = ("_dlt_loads", "_dlt_pipeline_state", "_dlt_version")
    return [
        *(f"DROP TABLE IF EXISTS {name}" for name in names),
        f"DROP SCHEMA IF EXISTS {scratch.namespace}_staging CASCADE",
    ]
