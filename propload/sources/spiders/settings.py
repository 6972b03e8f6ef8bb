"""The settings of the sink in a Scrapy project: `PROPLOAD_...`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar, cast

from propload import config
from propload.config.values import read_positive, read_seconds, read_size
from propload.errors import ConfigError
from propload.messages.suggestions import suggest
from propload.options import Settings
from propload.sources.spiders.rows import (
    FLUSH_BYTES,
    FLUSH_ROWS,
    SINK_FLUSH_SECONDS,
    FlushOptions,
)
from propload.target import parse_table

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from scrapy.settings import BaseSettings

T = TypeVar("T")

PREFIX = "PROPLOAD_"
#: Settings that only the sink has.
SINK_SETTINGS = (
    "TARGETS",
    "LOADER",
    "FLUSH_ROWS",
    "FLUSH_BYTES",
    "FLUSH_SECONDS",
    "LONGEST_WAIT",
)
#: The name of the target for items whose class no other target names.
OTHERS = ""
NAMES = tuple(Settings.__annotations__)

#: The one setting of a run that spiders of saved pages read as well.
_ALSO_FOR_SPIDERS = "as_of"
#: Settings that have no flag, and what a spider as a source has instead.
_PIPELINE_ONLY = {
    "targets": "all its items go into one table, and several kinds of them into "
    "several by the pipeline of a Scrapy project",
    "loader": "its run loads",
}

_EXAMPLE = '{"project.items.Agent": {"table": "agents", "key": "agent_id"}}'


def read_flush(settings: BaseSettings, /) -> FlushOptions:
    """Return when collected items are handed over.

    Raises:
        ConfigError: A value cannot be used.
    """
    return FlushOptions(
        read_own(settings, "FLUSH_ROWS", FLUSH_ROWS, read_positive),
        read_own(settings, "FLUSH_BYTES", FLUSH_BYTES, read_size),
        read_own(settings, "FLUSH_SECONDS", SINK_FLUSH_SECONDS, read_seconds),
    )


def read_own(
    settings: BaseSettings, name: str, default: T, read: Callable[[object], T], /
) -> T:
    """Return a setting of propload's own.

    Args:
        settings: The crawl's settings.
        name: Its name without `PREFIX`.
        default: The value if it is not set.
        read: The function that reads a value.

    Raises:
        ConfigError: The value cannot be used.
    """
    try:
        return read(settings.get(PREFIX + name, default))
    except ConfigError as error:
        msg = f"the setting {PREFIX}{name}: {error}"
        raise ConfigError(msg) from error


def unread_settings(names: Iterable[str], /) -> Iterator[str]:
    """Yield a message on each setting of a run that is given for a spider's crawl.

    In a project these settings are for the pipeline. A spider as a source is loaded by
    its run, into the run's table, and a table that is named here would be ignored.

    Args:
        names: Names of settings.
    """
    for name in names:
        own = name.removeprefix(PREFIX).lower()
        if not name.startswith(PREFIX) or own == _ALSO_FOR_SPIDERS:
            continue
        advice = _PIPELINE_ONLY.get(own)
        if own in NAMES:
            advice = f"use {config.SETTINGS[own].flag} ({own}=... in Python)"
        if advice is not None:
            message = f"the setting {name} is not read where a spider is a source"
            yield f"{message}: {advice}"


@dataclass(frozen=True, slots=True)
class Load:
    """One load of a crawl.

    Attributes:
        settings: The settings of this load.
        classes: The names of the item classes that it loads; an empty name stands for
            all classes that are not named.
        defaults: Settings for what neither these nor the configuration set.
    """

    settings: dict[str, object]
    classes: tuple[str, ...]
    defaults: dict[str, object]

    def __str__(self) -> str:
        return ", ".join(name or "classes that are not named" for name in self.classes)


def read_loads(settings: BaseSettings, defaults: Mapping[str, object], /) -> list[Load]:
    """Return the loads of a crawl; classes with equal settings share one.

    Args:
        settings: The crawl's settings.
        defaults: What the spider's class sets for items whose class no target names.

    Raises:
        ConfigError: A setting is unknown, the targets cannot be used, or one load
            would replace what another one has written.
    """
    targets = _read_targets(settings)
    defaults_by_class = {name: {} if name else dict(defaults) for name in targets}
    if len(targets) == 1:
        return [
            Load(own, (name,), defaults_by_class[name]) for name, own in targets.items()
        ]
    # resolved, so that file names, texts and tuples of the same meaning are equal
    resolved = {
        name: _normalize(config.resolve(cast("Settings", own)), defaults_by_class[name])
        for name, own in targets.items()
    }
    groups: dict[str, list[str]] = {}
    for name, own in resolved.items():
        group = next((group for group in groups if _equal(resolved[group], own)), name)
        groups.setdefault(group, []).append(name)
    loads = [
        Load(targets[group], tuple(names), defaults_by_class[group])
        for group, names in groups.items()
    ]
    _refuse_mutual_replace([(load, resolved[load.classes[0]]) for load in loads])
    return loads


def _read_targets(settings: BaseSettings) -> dict[str, dict[str, object]]:
    """Return the settings of each target, and of `OTHERS` if other items are loaded."""
    _check_setting_names(settings)
    values = {name: settings.get(PREFIX + name.upper()) for name in NAMES}
    # a progress display would mix with Scrapy's log on a terminal
    shared: dict[str, object] = {"progress": False}
    shared |= {name: value for name, value in values.items() if value is not None}
    targets = {}
    for kind, own in _given_targets(settings).items():
        _check(own, NAMES, f"PROPLOAD_TARGETS for {_class_name(kind)} has")
        targets[_class_name(kind)] = {**shared, **own}
    if "table" in shared or not targets:
        targets[OTHERS] = shared
    return targets


def _normalize(own: Settings, defaults: Mapping[str, object]) -> Settings:
    """Return all settings of a load, including defaults, with the table's full name."""
    table = parse_table(own.get("table"))
    named = {} if table is None else {"table": str(table)}
    return cast("Settings", {**defaults, **own, **named})


def _equal(one: Settings, other: Settings) -> bool:
    try:
        return bool(one == other)
    except (TypeError, ValueError):
        # a mapping contains an expression or a frame, which equals only itself
        return False


def _refuse_mutual_replace(loads: Sequence[tuple[Load, Settings]]) -> None:
    """Refuse two loads into the same table if one of them replaces its rows.

    Raises:
        ConfigError: There are two such loads.
    """
    for (one, own), (other, its) in combinations(loads, 2):
        # without a name, the table is the schema's own, or has the spider's name
        is_named = "table" in own or "table" in its
        names = ("table", "to") if is_named else ("schema", "to")
        is_shared = all(own.get(name) == its.get(name) for name in names)
        if is_shared and "replace" in (own.get("mode"), its.get("mode")):
            table = own.get("table") or "one table"
            msg = (
                f"PROPLOAD_TARGETS: {one} and {other} go to {table} with different "
                "settings, and a replace by one would erase the rows of the other: "
                "give both the same settings, or a table each"
            )
            raise ConfigError(msg)


def _given_targets(settings: BaseSettings) -> Mapping[object, Mapping[str, object]]:
    try:
        targets = settings.getdict("PROPLOAD_TARGETS")
        return {kind: dict(own) for kind, own in targets.items()}
    except (ValueError, TypeError) as error:
        msg = (
            "PROPLOAD_TARGETS is not a dict of item classes and their settings, as in "
            f"{_EXAMPLE}"
        )
        raise ConfigError(msg) from error


def _class_name(kind: object) -> str:
    if isinstance(kind, type):
        return f"{kind.__module__}.{kind.__qualname__}"
    return str(kind)


def _check_setting_names(settings: BaseSettings) -> None:
    known = [name.upper() for name in (*NAMES, *SINK_SETTINGS)]
    prefixed = [name for name in settings if name.startswith(PREFIX)]
    names = [name.removeprefix(PREFIX) for name in prefixed]
    _check(names, known, "there is", prefix=PREFIX)


def _check(
    names: Collection[str],
    known_names: Collection[str],
    subject: str,
    *,
    prefix: str = "",
) -> None:
    for name in names:
        if name not in known_names:
            hint = suggest(name, known_names, prefix=prefix)
            msg = f"{subject} no setting {prefix}{name}{hint}"
            raise ConfigError(msg)
