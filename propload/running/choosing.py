"""Chooses what a run uses where user, mapping, schema and table may each say so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Unpack, cast

from propload.errors import ConfigError
from propload.options import FileSettings
from propload.postgres.database import Database
from propload.postgres.server.programs import StopCheck, never_stop
from propload.postgres.session.dsn import describe_dsn
from propload.prepare.mapping import MapContext, load_mapping
from propload.prepare.preparing import Preparer
from propload.retrying import RetryOptions, retry
from propload.running.planning import Plan
from propload.settings_signature import names_settings
from propload.source_capabilities import defaults_of
from propload.target import TableName, Target

if TYPE_CHECKING:
    import threading

    from propload.options import Settings
    from propload.postgres.tables.facts import TableFacts
    from propload.prepare.checks.validation import Checker
    from propload.sources.source import Source

#: Names that messages use for sources without a name of their own.
_NAMELESS = frozenset(
    {"stdin", "frame", "lazy frame", "list", "tuple", "<genexpr>", "pushed"}
)
#: Names for several sources, and paths of pipes (a shell's `<(...)`): no table is named
#: after these either.
_NAMELESS_PATH = re.compile(r"[0-9]+ sources from |/dev/(fd/|stdin$)|/proc/[^/]+/fd/")
#: What reports call the database that is used where none is named.
EMBEDDED_LABEL = "the embedded database"


def default_settings(source: Source, settings: Settings) -> Settings:
    """Return the `mapping` and `schema` that apply where the user sets none.

    A source may name its `mapping` and `schema`, a mapping its `schema`.

    Raises:
        ConfigError: The mapping cannot be used.
    """
    source_defaults = defaults_of(source)
    mapping = settings.get("mapping", source_defaults.get("mapping"))
    schema = source_defaults.get("schema")
    if mapping is not None and schema is None:
        schema = getattr(load_mapping(mapping), "schema", None)
    defaults = {"mapping": mapping, "schema": schema}
    named = {name: value for name, value in defaults.items() if value is not None}
    return cast("Settings", named)


def find_checker(settings: Settings) -> Checker | None:
    """Return the checker of a run's rows, or None if it has no schema.

    Raises:
        ConfigError: The schema cannot be used.
    """
    if "schema" not in settings:
        return None
    # importing pandera takes a quarter of a second, which a run without a schema saves
    from propload.prepare.checks.validation import load_schema  # noqa: PLC0415

    return load_schema(settings["schema"])


def make_preparer(
    plan: Plan, source: Source, checker: Checker | None, target: Target
) -> Preparer:
    """Return the preparer that maps and checks the rows of a run.

    Raises:
        ConfigError: The mapping cannot be used.
    """
    settings = plan.settings
    as_of = settings.get("as_of")
    assert not isinstance(as_of, str)  # noqa: S101 - resolved to a datetime, if set
    return Preparer(
        mapping=load_mapping(settings["mapping"]) if "mapping" in settings else None,
        checker=checker,
        key=target.key,
        newest=target.newest,
        on_null=target.on_null,
        mode=target.mode,
        lanes=plan.workers,
        context=MapContext(as_of, source.name),
    )


def database_label(plan: Plan) -> str:
    """Return a run's database as reports and journals name it, without connecting."""
    dsn = plan.settings.get("to")
    return EMBEDDED_LABEL if dsn is None else describe_dsn(dsn)


def open_database(plan: Plan, *, should_stop: StopCheck = never_stop) -> Database:
    """Return the database that is set, or the embedded one, which is then started.

    Args:
        plan: The run's plan.
        should_stop: Returns whether to stop waiting for the start.

    Raises:
        WriteError: It cannot be reached.
        KeyboardInterrupt: `stopped` returned True before the server was up.
    """
    dsn = find_dsn(plan, should_stop=should_stop)
    # a label, as the embedded one's address is a local path that tells a reader nothing
    return Database(dsn, state_dir=plan.places.state_dir, label=database_label(plan))


def has_database(plan: Plan) -> bool:
    """Return whether a database is set, or the embedded one already exists."""
    if plan.settings.get("to"):
        return True
    from propload.postgres.server import embedded  # noqa: PLC0415 - as below

    return embedded.exists(plan.places.state_dir)


def find_dsn(plan: Plan, *, should_stop: StopCheck = never_stop) -> str:
    """Return the connection string of a run's database; start it if it is embedded.

    Arguments and errors are those of `open_database`.
    """
    dsn = plan.settings.get("to")
    if dsn:
        return dsn
    from propload.postgres.server import embedded  # noqa: PLC0415 - only where it is used

    return embedded.start(plan.places.state_dir, should_stop=should_stop)


@names_settings(FileSettings)
def embedded_url(**settings: Unpack[FileSettings]) -> str:
    """Return the URL of the embedded database, which is started if necessary.

    Every PostgreSQL client on this machine accepts it; it contains no password.

    Args:
        **settings: `state_dir`, if it is not the default.

    Raises:
        ConfigError: Another setting is given.
        WriteError: The database cannot be started.
    """
    plan = Plan.of_few(settings, FileSettings, function="embedded_url")
    from propload.postgres.server import embedded  # noqa: PLC0415 - only where it is used

    state_dir = plan.places.state_dir
    embedded.start(state_dir)
    # not propload's own connection string: other drivers may not know all its settings
    return embedded.url(state_dir)


def find_target(
    plan: Plan,
    checker: Checker | None,
    source: Source,
    database: Database,
    *,
    stop: threading.Event,
) -> Target:
    """Return the target of a run.

    If another session is altering the table, this waits for it, as the run does. It
    does not wait for a server that cannot be reached: its address may be wrong.

    Raises:
        ConfigError: No table is named, or the mode needs a key.
        WriteError: The table cannot be inspected.
    """
    table = choose_table(plan.settings, checker, source.name)
    database.reach()
    facts = retry(
        lambda: database.facts(table),
        RetryOptions.of(plan.options),
        stop=stop,
        name=f"the look at {table}",
    )
    return choose_target(plan.settings, checker, table, facts)


def choose_table(settings: Settings, checker: Checker | None, source: str) -> TableName:
    """Return the table that is set, else the schema's, else one named after the source.

    Args:
        settings: The user's settings.
        checker: The schema, if there is one.
        source: The source's name.

    Raises:
        ConfigError: None of them names a table.
    """
    text = settings.get("table")
    if text is not None:
        return TableName.parse(text)
    if checker is not None and checker.target_defaults is not None:
        return checker.target_defaults.table
    name = _table_name_for(source)
    if not name:
        msg = f"no table is given for the rows of {source}: use --table TABLE"
        raise ConfigError(msg)
    return TableName("public", name)


def _table_name_for(source: str) -> str:
    # a backslash is part of the file name, or escapes a byte that is not text
    stem = source.rstrip("/").rsplit("/", 1)[-1].split(".", 1)[0]
    letters = "".join(letter if letter.isalnum() else "_" for letter in stem.lower())
    is_nameless = source in _NAMELESS or _NAMELESS_PATH.match(source)
    return "" if is_nameless else letters.strip("_")


def choose_target(
    settings: Settings,
    checker: Checker | None,
    table: TableName,
    facts: TableFacts | None,
) -> Target:
    """Return the target as set, else as the schema says, else by the table's own key.

    Raises:
        ConfigError: The mode needs a key and there is none.
    """
    defaults = checker.target_defaults if checker else None
    mode = settings.get("mode") or "upsert"
    key = settings.get("key") or (defaults.key if defaults else ())
    if not key and mode in {"upsert", "insert-new"} and facts is not None:
        key = facts.primary_key
    return Target(
        table=table,
        key=(key,) if isinstance(key, str) else tuple(key),
        newest=settings.get("newest") or (defaults.newest if defaults else None),
        mode=mode,
        on_null=settings.get("on_null")
        or (defaults.on_null if defaults else "overwrite"),
        on_new_columns=settings.get("on_new_columns") or "refuse",
    )
