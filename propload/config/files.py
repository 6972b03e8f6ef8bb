"""The configuration file: how it is found, and what it contains."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from propload.config.settings import SETTINGS
from propload.config.values import expand_path
from propload.errors import ConfigError
from propload.messages.suggestions import suggest
from propload.messages.wording import with_article
from propload.toml_files import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The environment variable that names the file, as `--config` does.
CONFIG_VARIABLE = "PROPLOAD_CONFIG"
#: Keys that a job may have besides settings.
_JOB_KEYS = ("source", "argument", "set")
#: Tables that the top level may have besides settings.
_TABLES = ("jobs", "mappings")


class MappingTable(dict[str, object]):
    """A column mapping of a configuration file.

    Args:
        table: Its contents.
        name: Its name in messages.
    """

    def __init__(self, table: Mapping[str, object], *, name: str) -> None:
        super().__init__(table)
        self.name = name


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The contents of a configuration file; relative paths start at its folder.

    Attributes:
        path: The file, or None if there is none.
        top: Settings for every run.
        jobs: Settings and `source` of each job.
        mappings: Column mappings by name.
    """

    path: Path | None = None
    top: Mapping[str, object] = field(default_factory=dict)
    jobs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    mappings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def job(self, name: object) -> Mapping[str, object]:
        """Return the settings and other keys of a job.

        Raises:
            ConfigError: There is no such job, or the name is not a text.
        """
        if not isinstance(name, str):
            kind = with_article(type(name).__name__)
            msg = f"job: {kind} is not a text: give the name of one"
            raise ConfigError(msg)
        if name in self.jobs:
            return self.jobs[name]
        others = suggest(name, self.jobs, listed=True)
        msg = f"job {name!r} is not in {self.path}{others}"
        if self.path is None:
            msg = f"there is no configuration file (propload.toml) with a job {name!r}"
        raise ConfigError(msg)


def load_config() -> ConfigFile:
    """Return the contents of the configuration file; empty if there is none.

    `$PROPLOAD_CONFIG` names the file; without that it is `propload.toml`, or
    `pyproject.toml` with `[tool.propload]`, in the current folder or the nearest
    one above it.

    Raises:
        ConfigError: The file cannot be read, or contains an unknown name.
    """
    path = _path_from_environment()
    if path is not None:
        return _parse(path, _read(path))
    for folder in _folders():
        own_file, pyproject = folder / "propload.toml", folder / "pyproject.toml"
        if os.path.lexists(own_file):
            _require_file(own_file)
            _check_owner(own_file)
            return _parse(own_file, _read(own_file))
        if _is_file(pyproject) and _tool_table(values := _read(pyproject)) is not None:
            _check_owner(pyproject)
            return _parse(pyproject, values)
    return ConfigFile()


def _folders() -> tuple[Path, ...]:
    """Return the current folder and its parents; () if it was deleted."""
    try:
        folder = Path.cwd()
    except OSError:
        return ()
    return (folder, *folder.parents)


def _is_file(path: Path) -> bool:
    """Return whether the path is a file, in a folder that this user may search."""
    try:
        return path.is_file()
    except OSError:
        return False


def _require_file(path: Path) -> None:
    """Refuse a path that exists but is not a file, instead of searching further.

    Docker, for one, creates a folder in place of a file to mount that does not exist.
    """
    if not _is_file(path):
        msg = (
            f"configuration file {path} cannot be read: it is not a file, or a link to "
            "nothing. Put the file there, or remove what is there"
        )
        raise ConfigError(msg)


def _check_owner(path: Path) -> None:
    """Refuse a file that another user may have planted in a folder open to all.

    In `/tmp`, it could send the rows of anyone who works below to another server.
    """
    folder, owner = path.parent.stat(), path.lstat().st_uid
    is_open = bool(folder.st_mode & stat.S_IWOTH)
    if is_open and owner not in (0, os.geteuid(), folder.st_uid):
        msg = (
            f"configuration file {path} belongs to another user, in a folder that "
            f"anybody may write to: if you mean it, name it (--config {path}), "
            "otherwise work in another folder"
        )
        raise ConfigError(msg)


def check_names(names: Iterable[str], known: Iterable[str], *, place: str) -> None:
    """Refuse unknown names, suggesting the most similar known one.

    Raises:
        ConfigError: A name is unknown.
    """
    known = tuple(known)
    for name in names:
        if name not in known:
            hint = suggest(name.replace("-", "_"), known)
            msg = f"{place}: {name!r} is not a setting{hint}"
            raise ConfigError(msg)


def _path_from_environment() -> Path | None:
    text = os.environ.get(CONFIG_VARIABLE)
    return expand_path(text) if text else None


def _read(path: Path) -> dict[str, object]:
    return read_toml(path, name=f"configuration file {path}")


def _tool_table(values: Mapping[str, object]) -> Mapping[str, object] | None:
    tool = values.get("tool")
    table = tool.get("propload") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _parse(path: Path, values: Mapping[str, object]) -> ConfigFile:
    prefix = ""
    if path.name == "pyproject.toml":
        values, prefix = _tool_table(values) or {}, "tool.propload."
    top = {name: value for name, value in values.items() if name not in _TABLES}
    if isinstance(top.get("propload"), dict) and not prefix:
        msg = (
            f"{path}: [propload] does not belong in this file: remove that line; in "
            "pyproject.toml the table is [tool.propload]"
        )
        raise ConfigError(msg)
    check_names(top, (*SETTINGS, *_TABLES), place=str(path))
    jobs = _tables(values, "jobs", path, prefix)
    for name, job in jobs.items():
        place = f"{path} [{prefix}jobs.{name}]"
        check_names(job, (*SETTINGS, *_JOB_KEYS), place=place)
    mappings = _tables(values, "mappings", path, prefix)
    folder = path.resolve().parent
    return ConfigFile(
        path,
        _resolve_paths(top, folder),
        {name: _resolve_paths(job, folder) for name, job in jobs.items()},
        {
            name: MappingTable(table, name=f"{path} [{prefix}mappings.{name}]")
            for name, table in mappings.items()
        },
    )


def _tables(
    values: Mapping[str, object], name: str, path: Path, prefix: str
) -> dict[str, Mapping[str, object]]:
    tables = values.get(name, {})
    if not isinstance(tables, dict) or not all(
        isinstance(table, dict) for table in tables.values()
    ):
        msg = f"{path}: {name} must consist of tables: write [{prefix}{name}.NAME]"
        raise ConfigError(msg)
    return tables


def _resolve_paths(values: Mapping[str, object], folder: Path) -> dict[str, object]:
    """Return the values with relative paths joined to the configuration's folder."""
    resolved = dict(values)
    if "state_dir" in values:
        resolved["state_dir"] = _resolve_against(folder, values["state_dir"])
    mapping = values.get("mapping")
    if isinstance(mapping, str) and mapping.endswith(".toml"):
        resolved["mapping"] = _resolve_against(folder, mapping)
    source = values.get("source")
    if isinstance(source, list):
        resolved["source"] = [_resolve_source(folder, item) for item in source]
    elif source is not None:
        resolved["source"] = _resolve_source(folder, source)
    return resolved


def _resolve_against(folder: Path, value: object) -> object:
    # an empty text must not become the folder itself: it is refused where it is used
    if not isinstance(value, str) or not value:
        return value
    return str(folder / expand_path(value))


def _resolve_source(folder: Path, value: object) -> object:
    # stdin, a spider and MODULE:CLASS are not paths
    is_name = isinstance(value, str) and (value == "-" or ":" in value)
    return value if is_name else _resolve_against(folder, value)
