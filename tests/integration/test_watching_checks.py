"""A check that takes a while shows how far it is."""

import polars as pl
import pytest

import propload
from propload import display

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


@pytest.fixture
def shown(monkeypatch):
    """What a terminal would show; it keeps up with each look."""
    lines = []

    class Shown:
        def show(self, now):
            lines.append(now)

        def close(self):
            lines.append(("closed",))

    monkeypatch.setattr(display, "_open_view", Shown)
    return lines


def rows_until_seen(shown):
    yield pl.DataFrame({"id": [1, 2, 3]})
    while all(
        line.startswith(("0 rows", "closed")) for lines in shown for line in lines
    ):
        yield {"id": 4}


def test_a_check_shows_how_many_rows_are_read(database, state_dir, shown, monkeypatch):
    monkeypatch.setattr(display, "REFRESH_SECONDS", 0.01)
    told = {"to": database, "table": "homes", "key": "id", "state_dir": state_dir}
    said = propload.check(rows_until_seen(shown), **told)
    assert said.rows >= 3
    assert shown[-1] == ("closed",)
    assert all("rows read" in lines[0] for lines in shown[:-1])
    assert not any("queue" in line for lines in shown for line in lines)


def test_a_check_shows_nothing_where_that_is_refused(database, state_dir, shown):
    told = {"to": database, "table": "homes", "key": "id", "state_dir": state_dir}
    propload.check([{"id": 1}], progress=False, **told)
    assert shown == []
