"""Which table a source goes into where nobody says."""

import threading
from types import SimpleNamespace

import pytest

import propload
from propload.errors import ConfigError, TransientWriteError, WriteError
from propload.postgres.server import embedded
from propload.running.choosing import choose_table, find_target
from propload.running.planning import Plan


@pytest.mark.parametrize(
    ("source", "table"),
    [
        ("data/Homes 2024.csv.gz", "public.homes_2024"),
        ("data/rent\\sale.csv", "public.rent_sale"),
        ("caf\\xe9.csv", "public.caf_xe9"),
        ("todays_homes", "public.todays_homes"),
    ],
)
def test_a_table_is_called_like_its_source(source, table):
    assert str(choose_table({}, None, source)) == table


@pytest.mark.parametrize(
    "source",
    [
        "stdin",
        "frame",
        "lazy frame",
        "list",
        "<genexpr>",
        "pushed",
        "2 sources from a to b",
        "/dev/fd/63",
        "/dev/stdin",
        "/proc/self/fd/0",
    ],
)
def test_what_has_no_name_needs_a_table(source):
    with pytest.raises(ConfigError, match=r"no table to load .* into: use --table"):
        choose_table({}, None, source)
    assert str(choose_table({"table": "a.b"}, None, source)) == "a.b"


def test_the_address_of_the_embedded_database_is_that_of_the_state_folder(
    monkeypatch, state_dir, tmp_path
):
    started = []
    monkeypatch.setattr(embedded, "start", started.append)
    monkeypatch.setattr(embedded, "url", lambda folder: f"postgresql:///{folder}")
    assert propload.embedded_url() == f"postgresql:///{state_dir}"
    assert propload.embedded_url(state_dir=tmp_path) == f"postgresql:///{tmp_path}"
    assert started == [state_dir, tmp_path]
    with pytest.raises(ConfigError, match="to does not apply"):
        propload.embedded_url(to="postgresql://elsewhere")


class LockedTable:
    """A database whose table is altered while it is looked at, for some looks."""

    def __init__(self, looks, error=None, away=None):
        self.left, self.looks = looks, 0
        self.error = error or TransientWriteError("no lock", sqlstate="55P03")
        self.away = away

    def reach(self):
        if self.away is not None:
            raise self.away

    def facts(self, table):
        self.looks += 1
        if self.looks <= self.left:
            raise self.error
        return SimpleNamespace(primary_key=("id",))


@pytest.fixture
def look(monkeypatch):
    """Find the target of a source in a database, without waits."""
    monkeypatch.setattr("propload.retrying.FIRST_WAIT", 0.0)
    source = SimpleNamespace(name="homes.csv")
    plan = Plan.of({"retry_attempts": 3})

    def call(database, stop=None):
        stop = stop or threading.Event()
        return find_target(plan, None, source, database, stop=stop)

    return call


def test_a_table_that_is_altered_just_now_is_looked_at_again(look):
    database = LockedTable(2)
    assert look(database).key == ("id",)
    assert database.looks == 3


def test_a_table_that_stays_locked_ends_the_run(look):
    database = LockedTable(9)
    with pytest.raises(TransientWriteError, match="no lock"):
        look(database)
    assert database.looks == 3


def test_who_was_told_to_stop_looks_no_more(look):
    stop = threading.Event()
    stop.set()
    database = LockedTable(9)
    with pytest.raises(TransientWriteError):
        look(database, stop)
    assert database.looks == 1


def test_neither_a_wrong_address_nor_a_right_that_lacks_is_waited_for(look):
    away = LockedTable(0, away=TransientWriteError("nobody listens"))
    with pytest.raises(TransientWriteError, match="nobody listens"):
        look(away)
    refused = LockedTable(9, WriteError("no right"))
    with pytest.raises(WriteError, match="no right"):
        look(refused)
    assert (away.looks, refused.looks) == (0, 1)
