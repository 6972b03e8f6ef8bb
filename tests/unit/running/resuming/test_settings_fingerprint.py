"""A run that goes on is known by what its mapping and schema hold, also by name."""

import sys
from datetime import UTC, datetime

import polars as pl
import pytest

from propload.errors import ConfigError
from propload.running.planning import Plan
from propload.running.resuming.settings_fingerprint import meaning_of


def meant(tmp_path, **settings):
    told = {"state_dir": tmp_path / "state", **settings}
    return meaning_of(Plan.of(told))


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Write a module of the current folder, which the next look imports anew."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(text):
        (tmp_path / "users_own.py").write_text(text)
        sys.modules.pop("users_own", None)

    yield write
    sys.modules.pop("users_own", None)


def test_without_mapping_and_schema_nothing_can_be_another(tmp_path):
    meaning = meant(tmp_path)
    assert (meaning.fingerprint, meaning.versions) == ("", "")


def test_expressions_of_one_column_are_told_apart(tmp_path):
    one, other, again = (
        meant(tmp_path, mapping={"id": made})
        for made in (pl.col("id"), pl.col("id") + 7, pl.col("id"))
    )
    assert one == again
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize("name", ["mapping", "schema"])
def test_a_name_is_known_by_what_it_stands_for(tmp_path, own_module, name):
    program = {
        "mapping": 'import polars as pl\nMADE = {{"id": pl.col("id") + {}}}',
        "schema": (
            "import pandera.polars as pa\n"
            'MADE = pa.DataFrameSchema({{"id": pa.Column(int, pa.Check.gt({}))}})'
        ),
    }[name]
    found = []
    for number in (1, 1, 7):
        own_module(program.format(number))
        found.append(meant(tmp_path, **{name: "users_own:MADE"}))
    assert found[0] == found[1]
    assert found[0].fingerprint != found[2].fingerprint
    assert None not in {one.fingerprint for one in found}
    assert ("pandera" in found[0].versions) == (name == "schema")


@pytest.mark.parametrize("settings", [{"mapping": "funda"}, {"schema": "listing"}])
def test_those_of_propload_are_known_by_its_version(tmp_path, settings):
    meaning = meant(tmp_path, **settings)
    assert meaning.fingerprint
    assert meaning.versions.startswith("propload ")


def test_what_a_journal_keeps_as_text_is_the_same_as_before(tmp_path):
    made = datetime(2026, 1, 1, tzinfo=UTC)
    one = meant(tmp_path, mapping={"day": {"constant": made}})
    other = meant(tmp_path, mapping={"day": {"constant": str(made)}})
    assert one == other


def test_a_name_of_nothing_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no mapping 'nobody'"):
        meant(tmp_path, mapping="nobody")
