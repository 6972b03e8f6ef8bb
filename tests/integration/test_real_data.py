"""Real files with known answers; they are read where they lie."""

import pytest

import propload
from tests.integration.reading import read_table

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def load(database):
    def load(source, **more):
        told = {"to": database, "progress": False}
        report = propload.ingest(source, **(told | more))
        report.counts.verify()
        return report

    return load


def test_five_months_of_polish_flats_whose_columns_come_and_go(load, shared_data):
    months = sorted(str(path) for path in (shared_data / "poland").glob("*.csv.gz"))
    assert len(months) == 5
    refused = {"table": "flats", "key": "id"}
    report = load(months, **refused, on_new_columns="add")
    assert report.counts.read == 85_377
    assert report.counts.inserted == 46_893
    again = load(months[-1], **refused)
    assert again.counts.unchanged == again.counts.read - again.counts.duplicates


def test_the_calendars_meet_in_keys_that_are_known(load, shared_data):
    folder = shared_data / "calendars"
    target = {"table": "calendar", "key": ["listing_id", "date"]}
    first = load(str(folder / "singapore-earlier.csv.gz"), **target)
    assert first.counts == propload.Counts(read=1_271_274, inserted=1_271_274)
    second = load(str(folder / "singapore-later.csv.gz"), **target)
    assert second.counts == propload.Counts(
        read=1_261_786, inserted=414_945, updated=846_841
    )
    again = load(str(folder / "singapore-later.csv.gz"), **target)
    assert again.counts == propload.Counts(read=1_261_786, unchanged=1_261_786)


# what is read is what is tested: the rows are only added
@pytest.mark.one_server
def test_new_york_has_no_clean_key_and_loads_by_append(load, database, shared_data):
    path = str(shared_data / "nyc" / "sales-2018-2024.csv.gz")
    found = propload.check(path, to=database, table="sales")
    assert found.rows == 516_816
    assert found.candidates == ()
    assert found.row_repeats == 228
    assert any("--mode append" in problem for problem in found.problems)
    report = load(path, table="sales", mode="append")
    assert report.counts == propload.Counts(read=516_816, inserted=516_816)


# the mapping is what is tested
@pytest.mark.one_server
@pytest.mark.parametrize(
    ("name", "rows", "refused"),
    [
        ("amsterdam-2019-raw.csv", 519, 0),
        ("amsterdam-2019.csv", 516, 0),
        ("rotterdam-raw.csv.gz", 1685, 245),
        ("den-haag-raw.csv.gz", 1290, 22),
        ("three-cities-cleaned.csv.gz", 4060, 0),
    ],
)
def test_funda_files_become_listings(load, database, shared_data, name, rows, refused):
    report = load(str(shared_data / "funda" / name), mapping="funda")
    assert report.counts.read == rows
    assert report.counts.rejected == refused
    stored = read_table(database, "listings")
    assert stored.height == report.counts.inserted
    for line in report.rejects.iter_rows(named=True):
        assert all(reason["message"] for reason in line["propload_reason_list"])
    again = load(str(shared_data / "funda" / name), mapping="funda")
    assert again.counts.inserted == again.counts.updated == 0
