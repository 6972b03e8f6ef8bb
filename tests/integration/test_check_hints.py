"""A check of a CSV file suggests how its text columns could be parsed."""

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
