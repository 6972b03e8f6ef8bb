"""A check suggests how text columns could be parsed, and objects be loaded."""

import pytest

import propload

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]


@pytest.fixture
def homes(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id;price;note\n1;€ 350.000;a\n2;€ 1.250;b\n", encoding="utf-8")
    return path


def test_check_suggests_a_parser_for_a_new_table(database, homes):
    checked = propload.check(homes, to=database, table="homes", key="id")
    [note] = checked.notes
    assert "price = { parse = \"money\" } for '€ 350.000'" in note
    assert note in str(checked)


def test_no_suggestion_for_mapped_columns_python_rows_or_existing_tables(
    database, homes
):
    settings = {"to": database, "table": "homes", "key": "id"}
    rules = {"id": {"parse": "integer"}, "price": "price"}
    assert propload.check(homes, mapping=rules, **settings).notes == ()
    assert propload.check([{"id": 1, "price": "€ 1"}], **settings).notes == ()
    propload.ingest(homes, **settings)
    assert propload.check(homes, **settings).notes == ()


def test_check_suggests_a_rule_for_objects_that_no_rule_reads(database, tmp_path):
    path = tmp_path / "homes.ndjson"
    path.write_text('{"id": 1, "at": {"city": "Ede"}}\n', encoding="utf-8")
    settings = {"to": database, "table": "homes", "key": "id"}
    [note] = propload.check(path, **settings).notes
    assert 'city = { from = "at", path = "city" }' in note
    rules = {"id": {"parse": "integer"}, "city": {"from": "at", "path": "city"}}
    assert propload.check(path, mapping=rules, **settings).notes == ()
    propload.ingest(path, **settings)
    assert propload.check(path, **settings).notes == ()
