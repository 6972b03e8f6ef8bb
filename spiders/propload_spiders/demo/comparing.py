"""The demo's tables, and the SQL that finds what changed between the two days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from propload.postgres.session.connection import Connection

#: The table that listings are loaded into, and its copy as of the end of day 1.
TABLE = "public.demo_listings"
DAY_1 = "public.demo_listings_day_1"
#: The comment on both tables, by which a later demo knows that it may drop them.
_MARK = "made by propload demo"

_PRICE_CHANGES = """\
SELECT today.street || ' ' || today.house_number AS address, today.city,
       day_1.list_price AS price_before, today.list_price AS price_now
FROM public.demo_listings AS today
JOIN public.demo_listings_day_1 AS day_1 USING (source, listing_id)
WHERE today.list_price <> day_1.list_price
ORDER BY abs(today.list_price - day_1.list_price) DESC, listing_id"""

_CHANGES = """
SELECT count(*) FILTER (WHERE day_1.listing_id IS NULL),
       count(*) FILTER (WHERE today.status = 'sold' AND day_1.status <> 'sold'),
       count(*) FILTER (
           WHERE today.status = 'withdrawn' AND day_1.status <> 'withdrawn'),
       count(*) FILTER (WHERE today.list_price <> day_1.list_price),
       count(*)
FROM public.demo_listings AS today
LEFT JOIN public.demo_listings_day_1 AS day_1 USING (source, listing_id)
"""

_UNSEEN = """
SELECT url FROM public.demo_listings
WHERE scraped_at < $1
  AND coalesce(status, '') NOT IN ('withdrawn', 'sold', 'rented')
ORDER BY listing_id
"""

_NOT_OURS = """
SELECT named.name FROM unnest(ARRAY[$1::text, $2::text]) AS named (name)
WHERE to_regclass(named.name) IS NOT NULL
  AND obj_description(to_regclass(named.name), 'pg_class') IS DISTINCT FROM $3::text
"""


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many listings changed from day 1 to day 2.

    Attributes:
        new: Listings that are new on the site.
        sold: Listings that were sold.
        withdrawn: Listings whose pages are gone.
        price_changed: Listings with another asking price.
        stored: All rows of the table.
    """

    new: int
    sold: int
    withdrawn: int
    price_changed: int
    stored: int


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A listing whose price changed, in whole euros."""

    address: str
    city: str
    before: int
    now: int


def open_tables(session: Connection, /, *, keep: bool) -> None:
    """Drop the tables of an earlier demo; with `keep`, only its copy of day 1.

    Raises:
        ConfigError: A table with one of these names was not made by a demo.
    """
    for (name,) in session.rows(_NOT_OURS, (TABLE, DAY_1, _MARK)):
        msg = (
            f"the table {name} is there and was not made by a demo: rename it, or use "
            "another database for the demo with --to"
        )
        raise ConfigError(msg)
    if not keep:
        session.execute(f"DROP TABLE IF EXISTS {TABLE}")
    session.execute(f"DROP TABLE IF EXISTS {DAY_1}")
    session.commit()


def mark_table(session: Connection, /) -> None:
    """Mark the table, if it exists, as made by a demo."""
    if session.value(f"SELECT to_regclass('{TABLE}') IS NOT NULL"):
        session.execute(f"COMMENT ON TABLE {TABLE} IS '{_MARK}'")
    session.commit()


def remember_day(session: Connection, /) -> None:
    """Copy the table as it is now to the table of day 1."""
    session.execute(f"DROP TABLE IF EXISTS {DAY_1}")
    session.execute(f"CREATE TABLE {DAY_1} AS TABLE {TABLE}")
    session.execute(f"COMMENT ON TABLE {DAY_1} IS '{_MARK}'")
    session.commit()


def find_unseen(session: Connection, since: datetime, /) -> list[str]:
    """Return the addresses of open listings that no page has shown since a time."""
    urls = [str(url) for (url,) in session.rows(_UNSEEN, (since,))]
    session.commit()
    return urls


def count_changes(session: Connection, /) -> ChangeCounts:
    """Return how many listings changed since day 1."""
    return ChangeCounts(*map(int, session.rows(_CHANGES)[0]))


def find_price_changes(session: Connection, /) -> tuple[PriceChange, ...]:
    """Return the listings whose price changed since day 1, largest change first."""
    return tuple(PriceChange(*row) for row in session.rows(_PRICE_CHANGES))
