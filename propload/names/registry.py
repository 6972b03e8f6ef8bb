"""Finds objects by name: entry points, and `module:NAME`."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


#: The syntax of entry points.
_OBJECT = re.compile(r"[\w.]+\s*:\s*[\w.]+")


def find_object(spec: str, *, group: str, kind: str) -> object:
    """Return the object that a name refers to.

    Args:
        spec: A registered name, or `module:NAME`, for which the current folder is
            searched too.
        group: The entry point group of registered names.
        kind: What messages call the object.

    Raises:
        ConfigError: There is no such name, module or attribute, or importing it fails.
    """
    if ":" in spec:
        if not _OBJECT.fullmatch(spec):
            msg = (
                f"{kind} {spec!r} does not name an object of a module: use MODULE:NAME"
            )
            raise ConfigError(msg)
        with _current_folder():
            return _import_object(EntryPoint(spec, spec, group), kind)
    registered = entry_points(group=group)
    if spec not in registered.names:
        known = ", ".join(sorted(registered.names)) or "none"
        msg = (
            f"there is no {kind} {spec!r}: use one of those registered ({known}) "
            "or module:NAME"
        )
        raise ConfigError(msg)
    # without the current folder: a file there must not shadow what is installed
    return _import_object(registered[spec], kind)


def _import_object(entry: EntryPoint, kind: str) -> object:
    try:
        # import the module first: its own error says more than that of the attribute
        import_module(entry.module)
        return entry.load()
    except Exception as error:
        # the user's module may raise anything
        msg = f"{kind} {entry.name!r} cannot be imported: {_reason(error, entry)}"
        raise ConfigError(msg) from error


def _reason(error: Exception, entry: EntryPoint) -> str:
    top = entry.module.partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and error.name == top:
        where = "run this in the folder that holds it, or add that folder to PYTHONPATH"
        return f"{error}: {where}"
    is_clear = isinstance(error, (ImportError, AttributeError))
    return str(error) if is_clear else f"{type(error).__name__}: {error}"


@contextmanager
def _current_folder() -> Iterator[None]:
    """Make modules of the current folder importable, as `python -m` does."""
    try:
        folder = str(Path.cwd())
    except OSError:
        # the current folder was deleted
        yield
        return
    added = folder not in sys.path
    if added:
        sys.path.insert(0, folder)
    try:
        yield
    finally:
        if added and folder in sys.path:
            sys.path.remove(folder)
