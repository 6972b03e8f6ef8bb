"""A resumed run is recognized by what its mapping and schema contain."""

import sys
from datetime import UTC, datetime

import polars as pl
import pytest

from propload.errors import ConfigError
from propload.running.planning import Plan
from propload.running.resuming.settings_fingerprint import meaning_of


def meaning_with(tmp_path, **settings):
    all_settings = {"state_dir": tmp_path / "state", **settings}
    return meaning_of(Plan.of(all_settings))


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Return a function that writes a module, which is then imported anew."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(text):
        (tmp_path / "users_own.py").write_text(text)
        sys.modules.pop("users_own", None)

    yield write
    sys.modules.pop("users_own", None)


def test_meaning_is_empty_without_mapping_and_schema(tmp_path):
    meaning = meaning_with(tmp_path)
    assert (meaning.fingerprint, meaning.versions) == ("", "")


def test_different_expressions_have_different_fingerprints(tmp_path):
    one, other, again = (
        meaning_with(tmp_path, mapping={"id": expression})
        for expression in (pl.col("id"), pl.col("id") + 7, pl.col("id"))
    )
    assert one == again
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize("name", ["mapping", "schema"])
def test_fingerprint_of_a_name_is_that_of_its_object(tmp_path, own_module, name):
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
        found.append(meaning_with(tmp_path, **{name: "users_own:MADE"}))
    assert found[0] == found[1]
    assert found[0].fingerprint != found[2].fingerprint
    assert None not in {one.fingerprint for one in found}
    assert ("pandera" in found[0].versions) == (name == "schema")


@pytest.mark.parametrize("settings", [{"mapping": "funda"}, {"schema": "listing"}])
def test_meaning_of_propload_s_own_names_includes_its_version(tmp_path, settings):
    meaning = meaning_with(tmp_path, **settings)
    assert meaning.fingerprint
    assert meaning.versions.startswith("propload ")


def test_constant_and_its_text_have_the_same_meaning(tmp_path):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    one = meaning_with(tmp_path, mapping={"day": {"constant": moment}})
    other = meaning_with(tmp_path, mapping={"day": {"constant": str(moment)}})
    assert one == other


def test_unknown_name_of_a_mapping_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no mapping 'nobody'"):
        meaning_with(tmp_path, mapping="nobody")
