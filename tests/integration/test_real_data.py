"""Real files with known answers, read in place."""

import pytest

import propload
from tests.integration.reading import read_table

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def load(database):
    def load(source, **settings):
        defaults = {"to": database, "progress": False}
        report = propload.ingest(source, **(defaults | settings))
        report.counts.verify()
        return report

    return load


def test_polish_flats_of_five_months_with_varying_columns_are_loaded(load, shared_data):
    months = sorted(str(path) for path in (shared_data / "poland").glob("*.csv.gz"))
    assert len(months) == 5
    target = {"table": "flats", "key": "id"}
    report = load(months, **target, on_new_columns="add")
    assert report.counts.read == 85_377
    assert report.counts.inserted == 46_893
    again = load(months[-1], **target)
    assert again.counts.unchanged == again.counts.read - again.counts.duplicates


def test_later_calendar_inserts_and_updates_known_numbers_of_rows(load, shared_data):
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


# reading is under test: the rows are only appended
@pytest.mark.one_server
def test_new_york_sales_have_no_usable_key_and_are_appended(
    load, database, shared_data
):
    path = str(shared_data / "nyc" / "sales-2018-2024.csv.gz")
    checked = propload.check(path, to=database, table="sales")
    assert checked.rows == 516_816
    assert checked.candidates == ()
    assert checked.row_repeats == 228
    assert any("--mode append" in problem for problem in checked.problems)
    report = load(path, table="sales", mode="append")
    assert report.counts == propload.Counts(read=516_816, inserted=516_816)


# the mapping is under test
@pytest.mark.one_server
@pytest.mark.parametrize(
    ("name", "rows", "rejected"),
    [
        ("amsterdam-2019-raw.csv", 519, 0),
        ("amsterdam-2019.csv", 516, 0),
        ("rotterdam-raw.csv.gz", 1685, 245),
        ("den-haag-raw.csv.gz", 1290, 22),
        ("three-cities-cleaned.csv.gz", 4060, 0),
    ],
)
def test_funda_files_become_listings(load, database, shared_data, name, rows, rejected):
    report = load(str(shared_data / "funda" / name), mapping="funda")
    assert report.counts.read == rows
    assert report.counts.rejected == rejected
    stored = read_table(database, "listings")
    assert stored.height == report.counts.inserted
    for row in report.rejects.iter_rows(named=True):
        assert all(reason["message"] for reason in row["propload_reason_list"])
    again = load(str(shared_data / "funda" / name), mapping="funda")
    assert again.counts.inserted == again.counts.updated == 0
