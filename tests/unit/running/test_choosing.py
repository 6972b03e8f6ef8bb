"""Which table a source goes into if nobody names one."""

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
def test_table_is_named_after_its_source(source, table):
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
def test_source_without_a_name_needs_a_table(source):
    with pytest.raises(
        ConfigError, match=r"no table is given for the rows of .*: use --table"
    ):
        choose_table({}, None, source)
    assert str(choose_table({"table": "a.b"}, None, source)) == "a.b"


def test_embedded_url_is_of_the_server_in_the_state_folder(
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
    """A database whose table is locked the first few times it is looked up."""

    def __init__(self, lookups, error=None, away=None):
        self.failures, self.lookups = lookups, 0
        self.error = error or TransientWriteError("no lock", sqlstate="55P03")
        self.away = away

    def reach(self):
        if self.away is not None:
            raise self.away

    def facts(self, table):
        self.lookups += 1
        if self.lookups <= self.failures:
            raise self.error
        return SimpleNamespace(primary_key=("id",))


@pytest.fixture
def look_up(monkeypatch):
    """Return a function that finds the target of a source without waiting."""
    monkeypatch.setattr("propload.retrying.FIRST_WAIT", 0.0)
    source = SimpleNamespace(name="homes.csv")
    plan = Plan.of({"retry_attempts": 3})

    def call(database, stop=None):
        stop = stop or threading.Event()
        return find_target(plan, None, source, database, stop=stop)

    return call


def test_locked_table_is_looked_up_again(look_up):
    database = LockedTable(2)
    assert look_up(database).key == ("id",)
    assert database.lookups == 3


def test_table_that_stays_locked_ends_the_run(look_up):
    database = LockedTable(9)
    with pytest.raises(TransientWriteError, match="no lock"):
        look_up(database)
    assert database.lookups == 3


def test_locked_table_is_not_looked_up_again_after_a_stop(look_up):
    stop = threading.Event()
    stop.set()
    database = LockedTable(9)
    with pytest.raises(TransientWriteError):
        look_up(database, stop)
    assert database.lookups == 1


def test_wrong_address_and_missing_privilege_are_not_retried(look_up):
    away = LockedTable(0, away=TransientWriteError("nobody listens"))
    with pytest.raises(TransientWriteError, match="nobody listens"):
        look_up(away)
    denied = LockedTable(9, WriteError("no right"))
    with pytest.raises(WriteError, match="no right"):
        look_up(denied)
    assert (away.lookups, denied.lookups) == (0, 1)
