"""Dedupe against a plain oracle in Python."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from propload.prepare.dedupe import dedupe
from tests.unit.prepare.versions import KEY, SCHEMA, content, frame_of

QUICK = settings(max_examples=25)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "site": st.sampled_from(["a", "b", "é"]),
            "id": st.integers(0, 3),
            "seen": st.none() | st.integers(0, 2),
            "price": st.none() | st.integers(0, 2),
            "note": st.none() | st.sampled_from(["x", "y"]),
        }
    ),
    max_size=14,
)


def by_key(rows):
    groups = {}
    for number, row in enumerate(rows):
        groups.setdefault((row["site"], row["id"]), []).append((number, row))
    return groups


def age(row):
    return -1 if row["seen"] is None else row["seen"]


def all_rows(deduped):
    return sorted((row for each in deduped.layers for row in content(each)), key=str)


@QUICK
@given(ROWS)
def test_the_last_row_of_a_key_wins_without_newest(rows):
    deduped = dedupe(frame_of(rows), key=KEY)
    assert len(deduped.layers) == 1
    expected = {key: group[-1][0] for key, group in by_key(rows).items()}
    found = {row[1:3]: row[0] for row in deduped.layers[0].rows()}
    assert found == expected
    assert deduped.duplicates == len(rows) - len(expected)


@QUICK
@given(ROWS)
def test_the_newest_rows_win_and_ties_get_layers(rows):
    deduped = dedupe(frame_of(rows), key=KEY, newest="seen")
    for layer in deduped.layers:
        keys = [row[1:3] for row in layer.rows()]
        assert len(set(keys)) == len(keys)
        # bytes order, as the "C" collation of the server has it
        assert keys == sorted(keys, key=lambda key: (key[0].encode(), key[1]))
    found = {}
    for layer in deduped.layers:
        for row in layer.rows():
            found.setdefault(row[1:3], []).append(row[1:])
    expected = {}
    for key, group in by_key(rows).items():
        newest = max(age(row) for _, row in group)
        best = {tuple(map(row.get, SCHEMA)) for _, row in group if age(row) == newest}
        expected[key] = best
    assert {key: set(values) for key, values in found.items()} == expected
    assert all(len(set(values)) == len(values) for values in found.values())
    assert deduped.duplicates == len(rows) - sum(
        layer.height for layer in deduped.layers
    )


@QUICK
@given(ROWS)
def test_keep_folds_the_latest_known_values(rows):
    deduped = dedupe(frame_of(rows), key=KEY, on_null="keep")
    expected = []
    for group in by_key(rows).values():
        folded = {}
        for _, row in group:
            known = {name: value for name, value in row.items() if value is not None}
            folded |= known
        expected.append(tuple(folded.get(name) for name in SCHEMA))
    assert sorted(content(deduped.layers[0]), key=str) == sorted(expected, key=str)
    assert deduped.duplicates == len(rows) - len(expected)


@QUICK
@given(ROWS, st.randoms(use_true_random=False))
def test_keep_with_newest_does_not_depend_on_the_order_of_rows(rows, random):
    once = dedupe(frame_of(rows), key=KEY, newest="seen", on_null="keep")
    shuffled = random.sample(rows, len(rows))
    again = dedupe(frame_of(shuffled), key=KEY, newest="seen", on_null="keep")
    assert all_rows(once) == all_rows(again)
    assert once.duplicates == again.duplicates


@QUICK
@given(ROWS)
def test_keep_leaves_keys_with_two_rows_of_one_age_to_the_server(rows):
    deduped = dedupe(frame_of(rows), key=KEY, newest="seen", on_null="keep")
    for key, group in by_key(rows).items():
        found = {row for row in all_rows(deduped) if row[:2] == key}
        ages = [age(row) for _, row in group]
        different = {tuple(map(row.get, SCHEMA)) for _, row in group}
        if len(set(ages)) == len(ages):
            assert len(found) == 1
        else:
            assert found == different


@QUICK
@given(ROWS)
def test_ages_that_only_the_server_can_rank_are_all_handed_over(rows):
    given_rows = frame_of(rows)
    deduped = dedupe(given_rows, key=KEY, newest="seen", ranked=False)
    assert set(all_rows(deduped)) == set(content(given_rows))
    for layer in deduped.layers:
        assert not layer.select(KEY).is_duplicated().any()
    # equal rows are the only deduped.duplicates
    assert deduped.duplicates == len(rows) - len(set(content(given_rows)))


@QUICK
@given(ROWS)
def test_the_first_row_of_a_key_stays_where_only_new_ones_are_wanted(rows):
    deduped = dedupe(frame_of(rows), key=KEY, newest="seen", first=True)
    expected = {key: group[0][0] for key, group in by_key(rows).items()}
    assert {row[1:3]: row[0] for row in deduped.layers[0].rows()} == expected
    assert deduped.duplicates == len(rows) - len(expected)


@QUICK
@given(
    ROWS,
    st.sampled_from(
        [
            {},
            {"newest": "seen"},
            {"newest": "seen", "ranked": False},
            {"newest": "seen", "on_null": "keep"},
            {"on_null": "keep"},
            {"newest": "seen", "first": True},
        ]
    ),
)
def test_all_rows_of_keys_that_came_several_times_are_kept_as_they_came(rows, rules):
    deduped = dedupe(frame_of(rows), key=KEY, **rules)
    written = sum(layer.height for layer in deduped.layers)
    assert written + deduped.duplicates == len(rows)
    groups = by_key(rows).values()
    if len(groups) == len(rows):
        assert deduped.versions is None
        return
    several = {number: row for g in groups if len(g) > 1 for number, row in g}
    found = {row[0]: row[1:] for row in deduped.versions.rows()}
    assert found == {n: tuple(map(row.get, SCHEMA)) for n, row in several.items()}
