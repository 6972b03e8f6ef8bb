"""Finding schemas and mappings by name: entry points, and `module:NAME`."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


def find_object(spec: str, *, group: str, kind: str) -> object:
    """Return the object that a name stands for.

    Args:
        spec: A registered name, or `module:NAME`; modules are also looked for in
            the current folder.
        group: The entry point group of registered names.
        kind: What messages call it.

    Raises:
        ConfigError: There is no such name, module or attribute.
    """
    if ":" in spec:
        return _imported(spec, kind)
    registered = importlib.metadata.entry_points(group=group)
    if spec not in registered.names:
        known = ", ".join(sorted(registered.names)) or "none"
        msg = (
            f"{kind} {spec!r} is not known; registered are: {known}. "
            f"Give one of them, or your own as module:NAME"
        )
        raise ConfigError(msg)
    try:
        return registered[spec].load()
    except (ImportError, AttributeError) as error:
        msg = f"{kind} {spec!r} cannot be loaded: {error}"
        raise ConfigError(msg) from error


def _imported(spec: str, kind: str) -> object:
    module_name, _, path = spec.partition(":")
    try:
        with _current_folder():
            found: object = importlib.import_module(module_name)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError) as error:
        msg = f"{kind} {spec!r} cannot be imported: {error}"
        raise ConfigError(msg) from error
    return found


@contextmanager
def _current_folder() -> Iterator[None]:
    """Let modules of the current folder be imported, as `python -m` does."""
    folder = str(Path.cwd())
    added = folder not in sys.path
    if added:
        sys.path.insert(0, folder)
    try:
        yield
    finally:
        if added and folder in sys.path:
            sys.path.remove(folder)
