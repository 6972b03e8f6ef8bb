"""A check that takes a while shows its progress."""

import polars as pl
import pytest

import propload
from propload import display

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


@pytest.fixture
def shown(monkeypatch):
    """Return the list of what a terminal would show at each refresh."""
    lines = []

    class RecordingView:
        def show(self, now):
            lines.append(now)

        def close(self):
            lines.append(("closed",))

    monkeypatch.setattr(display, "_open_view", RecordingView)
    return lines


def rows_until_seen(shown):
    yield pl.DataFrame({"id": [1, 2, 3]})
    while all(
        line.startswith(("0 rows", "closed")) for lines in shown for line in lines
    ):
        yield {"id": 4}


def test_check_shows_how_many_rows_are_read(database, state_dir, shown, monkeypatch):
    monkeypatch.setattr(display, "REFRESH_SECONDS", 0.01)
    settings = {"to": database, "table": "homes", "key": "id", "state_dir": state_dir}
    checked = propload.check(rows_until_seen(shown), **settings)
    assert checked.rows >= 3
    assert shown[-1] == ("closed",)
    assert all("rows read" in lines[0] for lines in shown[:-1])
    assert not any("queue" in line for lines in shown for line in lines)


def test_check_shows_nothing_if_progress_is_off(database, state_dir, shown):
    settings = {"to": database, "table": "homes", "key": "id", "state_dir": state_dir}
    propload.check([{"id": 1}], progress=False, **settings)
    assert shown == []
