"""A namespace in a server for the tables of a benchmark, removed afterwards."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from benchmarks.layout import quoted
from benchmarks.listings import LISTINGS
from propload.postgres.server import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from benchmarks.layout import Layout


#: The server's settings that its speed depends on.
SETTINGS = (
    "autovacuum",
    "checkpoint_timeout",
    "data_checksums",
    "effective_io_concurrency",
    "fsync",
    "full_page_writes",
    "io_method",
    "maintenance_work_mem",
    "max_connections",
    "max_wal_size",
    "server_version",
    "shared_buffers",
    "synchronous_commit",
    "wal_buffers",
    "wal_compression",
    "wal_level",
    "wal_writer_delay",
    "work_mem",
)
#: Rows per row group, as other programs write them.
ROW_GROUP = 100_000
#: How a value of each type is written as text for the digest, whatever type a candidate
#: gave the column.
_SPELLED = {
    "bigint": "{}::bigint::text",
    "integer": "{}::bigint::text",
    "smallint": "{}::bigint::text",
    "boolean": "{}::boolean::text",
    "double precision": "{}::double precision::text",
    "date": "{}::date::text",
    "timestamp without time zone": "extract(epoch FROM {})::numeric(20,6)::text",
    "timestamp with time zone": "extract(epoch FROM {})::numeric(20,6)::text",
    "text": "{}::text",
}


class WrongValuesError(Exception):
    """A candidate stored rows that differ from those it was given."""


class Digest(NamedTuple):
    """A digest of a table's rows, the same in whatever order they are stored.

    Attributes:
        rows: The number of rows.
        total: The sum of the hashes of all rows.
    """

    rows: int
    total: int


@dataclass(frozen=True, slots=True)
class Scratch:
    """A namespace for a benchmark's tables.

    Attributes:
        dsn: The server's connection string.
        namespace: The PostgreSQL schema in which everything is created.
        version: The server's major version.
        state: The folder for propload's state and for files of the benchmark.
        layout: The layout of the tables' rows.
    """

    dsn: str
    namespace: str
    version: str
    state: Path
    layout: Layout = LISTINGS

    def of(self, layout: Layout) -> Scratch:
        """Return the same namespace for rows with another layout."""
        return replace(self, layout=layout)

    def connect(self) -> psycopg.Connection:
        """Return a connection in autocommit mode, with the namespace as search path."""
        connection = psycopg.connect(self.dsn, autocommit=True)
        connection.execute(f"SET search_path = {self.namespace}".encode())
        return connection

    def execute(self, *statements: str) -> None:
        """Run statements, each in its own transaction."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def create(self, table: str, *, key: bool = True) -> None:
        """Drop the table if it exists, and create it empty."""
        columns = [
            f"{quoted([name])} {kind}" for name, kind in self.layout.columns.items()
        ]
        if key:
            columns.append(f"PRIMARY KEY ({self.layout.key_list})")
        self.execute(
            f"DROP TABLE IF EXISTS {table}",
            f"CREATE TABLE {table} ({', '.join(columns)})",
        )

    def fresh(self, table: str) -> None:
        """Create the table empty, and let the server finish earlier work."""
        self.create(table)
        # not analyzed: an empty table would then get other plans than a new one
        self.settle()

    def fill(self, table: str, frame: pl.DataFrame) -> None:
        """Create a table with these rows in this order, and settle the server."""
        self.create(table)
        with self.connect() as connection, connection.cursor() as cursor:
            _copy(cursor, table, frame)
        self.settle(table)

    def copy_of(self, original: str, table: str) -> None:
        """Create a table with the rows of another one, in the same physical order."""
        self.create(table)
        self.execute(f"INSERT INTO {table} SELECT * FROM {original} ORDER BY ctid")
        self.settle(table)

    def arrange(self, table: str, original: str) -> None:
        """Rewrite a table in the physical order that its keys have in another table.

        The table itself is kept, with any columns that the candidate added and whatever
        it knows about the table.

        Args:
            table: A table that a candidate has filled.
            original: A table with rows of the same keys, created by `fill`.
        """
        self.execute(
            f"CREATE UNLOGGED TABLE arranged AS SELECT t.* FROM {table} AS t "
            f"JOIN {original} AS o USING ({self.layout.key_list}) ORDER BY o.ctid",
            f"TRUNCATE {table}",
            f"INSERT INTO {table} SELECT * FROM arranged ORDER BY ctid",
            "DROP TABLE arranged",
        )
        self.settle(table)

    def settle(self, *tables: str) -> None:
        """Vacuum tables and checkpoint, so that no later run pays for earlier work."""
        with self.connect() as connection:
            for table in tables:
                connection.execute(f"VACUUM (ANALYZE) {table}".encode())
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute("CHECKPOINT")

    def digest(self, table: str) -> Digest:
        """Return the digest of a table."""
        values = ", ".join(
            f"coalesce({_SPELLED[kind].format(quoted([name]))}, '~')"
            for name, kind in self.layout.columns.items()
        )
        query = (
            "SELECT count(*), coalesce(sum(hashtextextended("
            f"concat_ws('|', {values}), 0)::numeric), 0) FROM {table}"
        )
        return Digest(*self._row(query))

    def digest_of(self, frame: pl.DataFrame) -> Digest:
        """Return the digest of a table with exactly these rows."""
        self._store("oracle", frame)
        digest = self.digest("oracle")
        self.execute("DROP TABLE oracle")
        return digest

    def _store(self, table: str, frame: pl.DataFrame) -> None:
        self.create(table, key=False)
        with self.connect() as connection, connection.cursor() as cursor:
            _copy(cursor, table, frame)

    def verify(self, table: str, expected: Digest) -> None:
        """Compare a table with the digest that it should have.

        Raises:
            WrongValuesError: Its rows differ.
        """
        digest = self.digest(table)
        if digest != expected:
            msg = f"{table} holds {digest.rows:,} rows, expected {expected.rows:,}"
            other_rows = digest.rows != expected.rows
            raise WrongValuesError(msg if other_rows else f"{msg}: values")

    def verify_part(self, table: str, frame: pl.DataFrame, *, rows: int) -> None:
        """Compare the rows with certain keys, and the number of all rows.

        Args:
            table: The table.
            frame: The rows that it should have for the keys in this frame.
            rows: The number of rows that it should have in all.

        Raises:
            WrongValuesError: Its rows differ.
        """
        self._store("part", frame)
        joined = (
            f"(SELECT t.* FROM {table} AS t JOIN part USING ({self.layout.key_list}))"
        )
        self.verify(f"{joined} AS those", self.digest("part"))
        self.execute("DROP TABLE part")
        if self.count(table) != rows:
            msg = f"{table} holds {self.count(table):,} rows, expected {rows:,}"
            raise WrongValuesError(msg)

    def write(self, frame: pl.DataFrame) -> str:
        """Write the rows to a Parquet file in the state folder, and return its path."""
        path = self.state / f"rows-{secrets.token_hex(4)}.parquet"
        frame.write_parquet(path, row_group_size=ROW_GROUP)
        return str(path)

    def server_folder(self) -> Path:
        """Create a folder that the server can write to, and return it."""
        folder = self.state / "server"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)  # the server runs as another user
        return folder

    def settings(self) -> dict[str, str]:
        """Return the server's settings that its speed depends on."""
        with self.connect() as connection:
            rows = connection.execute(
                "SELECT name, current_setting(name) FROM pg_settings "
                "WHERE name = ANY(%s) ORDER BY name",
                [list(SETTINGS)],
            ).fetchall()
        return dict(rows)

    def count(self, table: str) -> int:
        """Return the number of rows in a table."""
        return self._row(f"SELECT count(*) FROM {table}")[0]

    def _row(self, query: str) -> tuple[int, ...]:
        with self.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        return tuple(int(value) for value in row or ())


def _copy(cursor: psycopg.Cursor, table: str, frame: pl.DataFrame) -> None:
    copy_sql = f"COPY {table} ({quoted(frame.columns)}) FROM STDIN (FORMAT csv)"
    with cursor.copy(copy_sql.encode()) as copy:
        for part in frame.iter_slices(50_000):
            copy.write(part.write_csv(include_header=False))


@contextmanager
def open_scratch(dsn: str | None = None, /) -> Iterator[Scratch]:
    """Open a namespace in a server, and remove it afterwards.

    Args:
        dsn: The server; by default an embedded one that is destroyed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="propload-benchmark-") as folder:
        state = Path(folder)
        state.chmod(0o755)  # the server's account reads the files of `benchmarks.limit`
        if dsn is None:
            embedded.start(state)
        try:
            # the plain address: peers may have an older libpq, which refuses keywords
            # that propload adds to it
            yield from _namespace(dsn or embedded.url(state), state)
        finally:
            if dsn is None:
                embedded.destroy(state)


def _namespace(dsn: str, state: Path) -> Iterator[Scratch]:
    name = f"propload_benchmark_{secrets.token_hex(3)}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        version = f"{connection.info.server_version // 10000}"
        connection.execute(f"CREATE SCHEMA {name}".encode())
    scratch = Scratch(dsn, name, version, state)
    try:
        yield scratch
    finally:
        scratch.execute(f"DROP SCHEMA {name} CASCADE")
