"""No report, error, log, repr or file of a run shows a password, whatever it is."""

from __future__ import annotations

import gc
import logging
import traceback
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import propload
from propload.errors import PropLoadError
from propload.postgres.session.dsn import parse_dsn

pytestmark = [pytest.mark.timeout(300), pytest.mark.one_server]

#: Begins and ends each password: whichever part of it is shown contains the mark.
MARK = "Sesam9"
ROWS = [{"id": n, "price": "dear" if n == 3 else str(n)} for n in range(5)]
TABLE = {"table": "homes", "key": "id", "progress": False, "retry_attempts": 1}
FAULTS = {
    "none": {},
    "no such database": {"dbname": "nowhere"},
    "no such user": {"user": "nobody"},
    "no such host": {"host": "nowhere.invalid"},
    "no server": {"host": "/nowhere"},
}
passwords = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
).map(lambda text: f"{MARK}{text}{MARK}")


def as_pairs(parameters):
    escaped = {
        k: v.replace("\\", "\\\\").replace("'", "\\'") for k, v in parameters.items()
    }
    return " ".join(f"{key}='{value}'" for key, value in escaped.items())


def as_url(parameters):
    rest = dict(parameters)
    user, password = (quote(rest.pop(name), safe="") for name in ("user", "password"))
    return f"postgresql://{user}:{password}@/?{urlencode(rest, quote_via=quote)}"


def as_url_query(parameters):
    return f"postgresql:///?{urlencode(parameters, quote_via=quote)}"


def outputs_of(dsn):
    """Yield what a user may see of a load, a check and pushed rows."""
    arguments = {"to": dsn, **TABLE}
    try:
        report = propload.ingest(ROWS, **arguments)
        yield from (report.to_json(), repr(report), str(report), report._repr_html_())
        checked = propload.check(ROWS, **arguments)
        yield from (checked.to_json(), repr(checked), str(checked))
        with propload.Loader(**arguments) as loader:
            loader.put(ROWS)
            yield repr(loader)
        propload.ingest(ROWS, **arguments | {"key": "price"})
    except PropLoadError as error:
        yield "".join(traceback.format_exception(error))
        yield from (repr(error), str(vars(error)))


def file_texts(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.read_bytes().decode("utf-8", "replace") for path in files]


@pytest.mark.parametrize("format_dsn", [as_pairs, as_url, as_url_query, None])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_password_is_shown(
    database, state_dir, caplog, monkeypatch, fault, format_dsn
):
    caplog.set_level(logging.DEBUG)
    place = {"user": "postgres", **parse_dsn(database), **FAULTS[fault]}

    @settings(
        max_examples=6,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(passwords)
    def check(password):
        parameters = place | {"password": password}
        if format_dsn is None:
            monkeypatch.setenv("PGPASSWORD", parameters.pop("password"))
        dsn = (format_dsn or as_pairs)(parameters)
        outputs = list(outputs_of(dsn))
        # a load that succeeds has more outputs than an error
        assert (len(outputs) > 8) == (fault == "none")
        shown = [*outputs, *file_texts(state_dir), caplog.text]
        caplog.clear()
        assert not [text for text in shown if MARK in text]

    check()


@pytest.mark.parametrize("fault", FAULTS)
def test_no_variable_of_a_failed_load_shows_the_password(database, monkeypatch, fault):
    """Error trackers and `pytest -l` show the variables of every frame."""
    place = {"user": "postgres", **parse_dsn(database), **FAULTS[fault]}
    monkeypatch.setenv("PROPLOAD_TO", as_url({**place, "password": MARK}))
    with pytest.raises(PropLoadError) as found:
        propload.ingest([{"other": 1}], **TABLE)
    told = traceback.TracebackException.from_exception(
        found.value, capture_locals=True, max_group_depth=9
    )
    text = "".join(told.format())
    assert "dsn = '***'" in text or fault == "none"
    assert MARK not in text


def test_no_object_of_a_load_shows_the_password(database, monkeypatch):
    place = {"user": "postgres", **parse_dsn(database), "password": MARK}
    monkeypatch.setenv("PROPLOAD_TO", as_url(place))
    # held, so that no new object has the id of one of them
    before = gc.get_objects()
    known = set(map(id, before))
    with propload.Loader(**TABLE) as loader:
        loader.put(ROWS[:1])
        new = [one for one in gc.get_objects() if id(one) not in known]
        own = [one for one in new if str(type(one).__module__).startswith("propload")]
        shown = [(type(one).__qualname__, repr(one)) for one in own]
        shown.append(("settings", repr(loader._plan.settings)))
    assert {"Plan", "Loader"} <= dict(shown).keys()
    assert [name for name, text in shown if MARK in text] == []
