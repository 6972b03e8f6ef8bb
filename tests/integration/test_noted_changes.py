"""The trigger on the listing page records when a listing came and what changed."""

import datetime as dt
from pathlib import Path

import propload
from tests.integration.reading import query, run_sql

PAGE = Path(__file__).parents[2] / "docs" / "listing.md"
RECORDED = """
SELECT listing_id, extract(day FROM first_seen_at)::int,
       extract(day FROM price_changed_at)::int,
       extract(day FROM status_changed_at)::int,
       extract(day FROM scraped_at)::int
FROM listings ORDER BY 1"""


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


def load(dsn, rows):
    return propload.ingest(rows, to=dsn, schema="listing").counts


def test_trigger_of_the_page_records_when_listings_changed(database):
    load(database, listings(1, ("a", 300_000, "available")))
    run_sql(database, PAGE.read_text("utf-8").split("```sql\n")[1].split("```")[0])
    rows = listings(2, ("a", 300_000, "available"), ("b", 400_000, "available"))
    assert load(database, rows).inserted == 1
    later = listings(3, ("a", 290_000, "available"), ("b", None, "sold"))
    assert load(database, later).updated == 2
    recorded = [("a", None, 3, None, 3), ("b", 2, None, 3, 3)]
    assert query(database, RECORDED) == recorded
    assert load(database, later).unchanged == 2
    assert load(database, rows).stale == 2
    assert query(database, RECORDED) == recorded
