"""A check of a CSV tells what its columns of text were perhaps meant to be."""

import pytest

import propload

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


@pytest.fixture
def homes(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id;price;note\n1;€ 350.000;a\n2;€ 1.250;b\n", encoding="utf-8")
    return path


def test_a_new_table_is_told_of(database, homes):
    said = propload.check(homes, to=database, table="homes", key="id")
    [note] = said.notes
    assert "price = { parse = \"money\" } for '€ 350.000'" in note
    assert note in str(said)


def test_what_somebody_has_decided_is_not_told_again(database, homes):
    told = {"to": database, "table": "homes", "key": "id"}
    rules = {"id": {"parse": "integer"}, "price": "price"}
    assert propload.check(homes, mapping=rules, **told).notes == ()
    assert propload.check([{"id": 1, "price": "€ 1"}], **told).notes == ()
    propload.ingest(homes, **told)
    assert propload.check(homes, **told).notes == ()
