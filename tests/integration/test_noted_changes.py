"""The triggers on the listing page record when a listing came and what changed."""

import datetime as dt
from pathlib import Path

import propload
from tests.integration.reading import query, run_sql

PAGE = Path(__file__).parents[2] / "docs" / "listing.md"
NOTE_CHANGES, RECORD_HISTORY, PRICE_CUTS = (
    block.split("```")[0] for block in PAGE.read_text("utf-8").split("```sql\n")[1:]
)
RECORDED = """
SELECT listing_id, extract(day FROM first_seen_at)::int,
       extract(day FROM price_changed_at)::int,
       extract(day FROM status_changed_at)::int,
       extract(day FROM scraped_at)::int
FROM listings ORDER BY 1"""
HISTORY = """
SELECT listing_id, extract(day FROM seen_at)::int, list_price, status
FROM listing_history ORDER BY 1, 2"""

COLLATIONS = """
SELECT count(DISTINCT attcollation) FROM pg_attribute
WHERE attname IN ('source', 'listing_id')
    AND attrelid IN ('listings'::regclass, 'listing_history'::regclass)"""


def listings(day, *rows):
    """Return listings as they were read on a day of July."""
    moment = dt.datetime(2026, 7, day, tzinfo=dt.UTC)
    return [
        {
            "source": "site",
            "listing_id": name,
            "url": f"https://example.org/{name}",
            "list_price": price,
            "rent_price": None,
            "status": status,
            "scraped_at": moment,
        }
        for name, price, status in rows
    ]


def load(dsn, rows, **options):
    return propload.ingest(rows, to=dsn, schema="listing", **options).counts


def test_trigger_of_the_page_records_when_listings_changed(database):
    load(database, listings(1, ("a", 300_000, "available")))
    run_sql(database, NOTE_CHANGES)
    rows = listings(2, ("a", 300_000, "available"), ("b", 400_000, "available"))
    assert load(database, rows).inserted == 1
    later = listings(3, ("a", 290_000, "available"), ("b", None, "sold"))
    assert load(database, later).updated == 2
    recorded = [("a", None, 3, None, 3), ("b", 2, None, 3, 3)]
    assert query(database, RECORDED) == recorded
    assert load(database, later).unchanged == 2
    assert load(database, rows).stale == 2
    assert query(database, RECORDED) == recorded


def test_history_of_the_page_holds_each_price_and_status_once(database):
    load(database, listings(1, ("a", 300_000, "available")))
    run_sql(database, RECORD_HISTORY)
    second = listings(2, ("a", 300_000, "available"), ("b", 400_000, "available"))
    third = listings(3, ("a", 290_000, "available"), ("b", None, "sold"))
    for rows in (second, third, second, third):
        load(database, rows)
    recorded = [
        ("a", 1, 300_000, "available"),
        ("a", 3, 290_000, "available"),
        ("b", 2, 400_000, "available"),
        ("b", 3, 400_000, "sold"),
    ]
    assert query(database, HISTORY) == recorded
    assert load(database, third, mode="replace").inserted == 2
    replaced = ("b", 3, None, "sold")
    assert query(database, HISTORY) == [*recorded[:-1], replaced]


def test_history_of_the_page_can_be_looked_up_by_its_index(database):
    load(database, listings(1, ("a", 300_000, "available")))
    run_sql(database, RECORD_HISTORY)
    # an index is not used for values of another collation
    assert query(database, COLLATIONS) == [(1,)]


def test_history_of_the_page_takes_a_correction_of_the_same_moment(database):
    load(database, listings(1, ("a", 300_000, "available")))
    run_sql(database, RECORD_HISTORY)
    assert load(database, listings(1, ("a", 305_000, "available"))).updated == 1
    assert query(database, HISTORY) == [("a", 1, 305_000, "available")]


def test_query_of_the_page_lists_price_cuts(database):
    load(database, listings(1, ("a", 300_000, "available"), ("b", 300_000, "sold")))
    run_sql(database, RECORD_HISTORY)
    load(database, listings(3, ("a", 290_000, "available"), ("b", 310_000, "sold")))
    cuts = [(row[0], *row[2:]) for row in query(database, PRICE_CUTS)]
    assert cuts == [("a", 300_000, 290_000, -10_000)]
