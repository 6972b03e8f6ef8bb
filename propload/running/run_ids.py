"""Run ids."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from propload.errors import ConfigError
from propload.messages.wording import with_article


def new_run_id() -> str:
    """Return a unique run id that sorts by time.

    Runs of the same second are in order too, because the newest one is what is resumed,
    replayed or recovered by default.
    """
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{secrets.token_hex(2)[:3]}"


def moment_of(run_id: str, /) -> datetime | None:
    """Return when a run first began, by its id; None if the id holds no time."""
    second, _, rest = run_id.partition("-")
    try:
        began = datetime.strptime(second, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return began.replace(microsecond=int(rest[:5], 16))
    except ValueError:
        return None


def require_run_id(value: object, /) -> str:
    """Return the run id that was given, if it is a string and not, say, a report.

    Raises:
        ConfigError: It is something else.
    """
    if isinstance(value, str):
        return value
    kind = with_article(type(value).__name__)
    msg = f"{kind} does not name a run: pass its name, such as report.run_id"
    raise ConfigError(msg)
