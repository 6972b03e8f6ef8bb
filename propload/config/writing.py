"""Write settings to the configuration file, and leave the rest of it unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from propload.config.files import load_config
from propload.errors import ConfigError
from propload.private_files import replace_public

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


def write_settings(values: Mapping[str, int | str], *, job: str | None = None) -> Path:
    """Write settings to the configuration file, and return its path.

    Comments, order and everything else in it stay. Without a file, `propload.toml`
    is created in the current folder.

    Args:
        values: The settings by name.
        job: The job that they are for; by default they apply to every run.

    Raises:
        ConfigError: There is no such job, or the file cannot be written.
    """
    import tomlkit  # noqa: PLC0415 - only where a file is written

    file = load_config()
    if job is not None:
        file.job(job)
    path = file.path or Path("propload.toml")
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        document = tomlkit.parse(text)
        _table(document, path, job).update(values)
        replace_public(path, tomlkit.dumps(document).encode())
    except OSError as error:
        lines = [
            f"{name} = {tomlkit.item(value).as_string()}"
            for name, value in values.items()
        ]
        msg = (
            f"configuration file {path} cannot be written: {error.strerror}. Add there "
            f"by hand: {', '.join(lines)}"
        )
        raise ConfigError(msg) from error
    return path


def _table(
    document: MutableMapping[str, object], path: Path, job: str | None
) -> MutableMapping[str, object]:
    names = ["tool", "propload"] if path.name == "pyproject.toml" else []
    names += ["jobs", job] if job is not None else []
    table = document
    for name in names:
        table = table[name]  # type: ignore[assignment] # load_config has seen these
    return table
