"""The demo site as one object: its market, its traps, and a server on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload_spiders.demo.answering import Responder
from propload_spiders.demo.market import Changes, Listing, Market
from propload_spiders.demo.served import Served
from propload_spiders.demo.server import Server
from propload_spiders.demo.traps import NO_TRAPS, Traps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self


class DemoSite:
    """A property site on loopback; a context manager that serves while it is open.

    Args:
        seed: The same seed makes the same site.
        listings: Homes for sale on day 0; a quarter as many are for rent, and a
            quarter as many are sold.
        day: The day that the site shows first, from 0.
        traps: The traps that the site sets for a crawl.
        port: The port, or 0 for a free one.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        listings: int = 2_000,
        day: int = 0,
        traps: Traps = NO_TRAPS,
        port: int = 0,
    ) -> None:
        self.market = Market(seed, listings)
        self.served = Served()
        self._responder = Responder(self.market, traps, self.served, seed=seed)
        self._responder.show(day)
        self._server = Server(
            self._responder.answer,
            lambda answer: self.served.note(answer.kind, answer.ids),
            port=port,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The site's address, without a trailing slash; "" before it is started."""
        return self._responder.site

    @property
    def day(self) -> int:
        """The day that the site shows."""
        return self._responder.day

    @property
    def places(self) -> tuple[str, ...]:
        """The slugs of all towns with listings, the largest first."""
        towns = {each.home.town for each in self.listings.values()}
        ordered = sorted(towns, key=lambda town: -town.share)
        return tuple(town.slug for town in ordered)

    @property
    def listings(self) -> Mapping[str, Listing]:
        """All listings of the day by id: the truth to compare a crawl with."""
        return self.market.on(self.day)

    def start(self) -> None:
        """Start serving.

        Raises:
            OSError: The port is taken.
        """
        self._responder.site = f"http://127.0.0.1:{self._server.start()}"

    def stop(self) -> None:
        """Stop serving; open connections are aborted. It is idempotent."""
        self._server.stop()

    def set_day(self, day: int, /) -> None:
        """Switch to another day, and reset the counts of what was served."""
        self._responder.show(day)
        self.served.clear()

    def changes(self, day: int, /) -> Changes:
        """Return what changed from the previous day to this one."""
        return self.market.changes(day)
