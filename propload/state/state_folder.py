"""The state folder: creates it if missing, and refuses it early if it is unusable."""

from __future__ import annotations

import errno
import os
import pwd
from contextlib import suppress
from typing import TYPE_CHECKING

from propload.errors import ConfigError
from propload.private_files import make_private_folder

if TYPE_CHECKING:
    from pathlib import Path

#: The state folder and those in it, each of which may have another owner.
_FOLDERS = ("", "rejects", "journal", "runs")
_READING = os.R_OK | os.X_OK
_WRITING = os.W_OK | os.X_OK
#: Prefix of the id of a user that has no name on this machine.
_NAMELESS = "user "
_STATE_DIR_SETTINGS = "--state-dir FOLDER, or PROPLOAD_STATE_DIR"


def make_state_folder(state_dir: Path) -> None:
    """Create the state folder if it is missing, and check that it is writable.

    Raises:
        ConfigError: It cannot be created or written.
    """
    check_state_folder(state_dir, writing=True)
    try:
        make_private_folder(state_dir)
    except OSError as error:
        raise _unusable_error(state_dir, state_dir, error) from error


def check_state_folder(state_dir: Path, /, *, writing: bool = False) -> None:
    """Check that this user can use the state folder, as far as it exists.

    Args:
        state_dir: The folder.
        writing: Whether files will be created in it, not only read.

    Raises:
        ConfigError: It cannot be used; the message says who owns it, and what to do.
    """
    mode = _READING | (_WRITING if writing else 0)
    for name in _FOLDERS:
        require_usable(state_dir, state_dir / name, mode)


def require_usable(state_dir: Path, path: Path, mode: int, /) -> None:
    """Check that this user can use a path in the state folder, if it exists.

    Args:
        state_dir: The folder.
        path: The path.
        mode: How it is used, as for `os.access`.

    Raises:
        ConfigError: It cannot be used; the message says who owns it, and what to do.
    """
    try:
        path.stat()
        _require_access(path, mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _unusable_error(state_dir, path, error) from error


def _require_access(path: Path, mode: int) -> None:
    if os.access(path, mode):
        return
    # `access` does not tell whether the user or the whole disk may not be written to
    is_read_only = mode & os.W_OK and os.statvfs(path).f_flag & os.ST_RDONLY
    code = errno.EROFS if is_read_only else errno.EACCES
    raise OSError(code, os.strerror(code))


def _unusable_error(state_dir: Path, path: Path, error: OSError) -> ConfigError:
    """Return the error for a folder that cannot be used."""
    inaccessible, blocking = _first_inaccessible(path), _blocking_file(state_dir)
    owner, user = _owner(inaccessible), os.geteuid()
    is_refused = isinstance(error, PermissionError) and blocking is None
    cannot = f"the state folder {state_dir} cannot be used"
    if owner is None or owner == user or not is_refused:
        why = error.strerror if blocking is None else f"{blocking} is not a folder"
        return ConfigError(f"{cannot}: {why}. Use another one: {_STATE_DIR_SETTINGS}")
    owner_name = user_name(owner)
    subject = "it" if inaccessible == state_dir else inaccessible
    belongs = f"{subject} belongs to {owner_name}, and this is {user_name(user)}"
    message = f"{cannot}: {belongs}"
    if inaccessible in state_dir.parents:
        return ConfigError(f"{message}. Name another one: {_STATE_DIR_SETTINGS}")
    return ConfigError(
        f"{message}. Run propload as {owner_name}, change its owner "
        f"({_chown_command(state_dir)}), or name another one: {_STATE_DIR_SETTINGS}"
    )


def foreign_owner_message(path: Path, /) -> str:
    """Return the message about another user's file; empty if it is this user's."""
    owner, user = _owner(path), os.geteuid()
    if owner is None or owner == user:
        return ""
    return (
        f"{path} belongs to {user_name(owner)}, and this is {user_name(user)}: change "
        f"its owner ({_chown_command(path.parent)})"
    )


def _chown_command(folder: Path) -> str:
    """Return the command with which root gives a folder to this user."""
    me = user_name(os.geteuid())
    return f"chown -R {me.removeprefix(_NAMELESS)} {folder}"


def _blocking_file(path: Path) -> Path | None:
    """Return the file in the place of a folder or one of its parents, or None."""
    for candidate in (path, *path.parents):
        with suppress(OSError):
            if candidate.exists():
                return None if candidate.is_dir() else candidate
    return None


def _first_inaccessible(path: Path) -> Path:
    """Return the first parent of a path that this user may not enter, or the path."""
    for parent in reversed(path.parents):
        if _owner(parent) is not None and not os.access(parent, os.X_OK):
            return parent
    return path


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def user_name(number: int) -> str:
    """Return the name of a user of this machine, for messages."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"{_NAMELESS}{number}"
