from __future__ import annotations

import pytest

from propload.prepare.mapping import UnmatchedColumns, load_mapping

RULES = {
    "id": "Link",
    "price": ["Vraagprijs", "asking price"],
    "at": {"context": "as_of"},
}


def notes_for(*seen, mapping=None, fixed=True):
    unmatched = UnmatchedColumns(load_mapping(RULES if mapping is None else mapping))
    for index, names in enumerate(seen):
        unmatched.record(names, f"{index}.csv", fixed=fixed)
    return unmatched.notes


def test_note_for_each_file_that_lacks_a_column():
    notes = notes_for(["Link", "Prijs"], ["Link", "asking_price"], ["Link", "Bod"])
    assert [note.partition(":")[0] for note in notes] == ["0.csv", "2.csv"]
    assert notes[1] == (
        "2.csv: mapping finds no column for price (from Vraagprijs or asking price), "
        "and leaves it out. Columns that no rule reads: Bod"
    )


@pytest.mark.parametrize(
    ("seen", "noted"),
    [
        ([["Link"], ["Link", "Vraagprijs"]], False),
        ([["Link", "Vraagprijs"], ["Link"]], False),
        ([["Link"], ["Link", "more"]], True),
    ],
)
def test_no_note_if_any_batch_of_self_describing_rows_has_the_column(seen, noted):
    assert bool(notes_for(*seen, fixed=False)) == noted


def test_column_read_by_another_rule_is_not_suggested():
    rules = {"sold": "sold on", "listed": "listed on"}
    [note] = notes_for(["listed on", "sold_onn"], mapping=rules)
    assert "did you mean 'sold_onn'?" in note
    [note] = notes_for(["listed on", "x"], mapping={**rules, "sold": "lifted on"})
    assert "did you mean" not in note


def test_note_shortens_a_long_list_of_columns():
    rules = {"id": "Link", **{f"c{n}": f"{n} {n}" for n in range(30)}}
    [note] = notes_for(["Link"], mapping=rules)
    assert "c19 (from 19 19) and 10 more, and leaves them out" in note
