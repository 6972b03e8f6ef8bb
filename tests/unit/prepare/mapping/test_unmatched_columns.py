from __future__ import annotations

import pytest

from propload.prepare.mapping import UnmatchedColumns, load_mapping

RULES = {
    "id": "Link",
    "price": ["Vraagprijs", "asking price"],
    "at": {"context": "as_of"},
}


def lacking(*seen, mapping=None, fixed=True):
    found = UnmatchedColumns(load_mapping(RULES if mapping is None else mapping))
    for place, given in enumerate(seen):
        found.record(given, f"{place}.csv", fixed=fixed)
    return found.notes


def test_each_file_that_lacks_a_column_is_told():
    notes = lacking(["Link", "Prijs"], ["Link", "asking_price"], ["Link", "Bod"])
    assert [note.partition(":")[0] for note in notes] == ["0.csv", "2.csv"]
    assert notes[1] == (
        "2.csv: mapping finds no column for price (from Vraagprijs or asking price), "
        "and leaves it out. Columns that no rule reads: Bod"
    )


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([["Link"], ["Link", "Vraagprijs"]], False),
        ([["Link", "Vraagprijs"], ["Link"]], False),
        ([["Link"], ["Link", "more"]], True),
    ],
)
def test_of_rows_that_name_their_columns_one_that_has_it_is_enough(seen, told):
    assert bool(lacking(*seen, fixed=False)) == told


def test_a_name_that_another_rule_reads_is_not_meant():
    rules = {"sold": "sold on", "listed": "listed on"}
    [note] = lacking(["listed on", "sold_onn"], mapping=rules)
    assert "did you mean 'sold_onn'?" in note
    [note] = lacking(["listed on", "x"], mapping={**rules, "sold": "lifted on"})
    assert "did you mean" not in note


def test_many_columns_are_not_all_listed():
    rules = {"id": "Link", **{f"c{n}": f"{n} {n}" for n in range(30)}}
    [note] = lacking(["Link"], mapping=rules)
    assert "c19 (from 19 19) and 10 more, and leaves them out" in note
