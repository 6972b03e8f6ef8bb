"""A property site on loopback: generated, deterministic, with the traps of real sites.

    with DemoSite(seed=1, listings=2000) as site:
        ...  # crawl site.url
        site.set_day(1)

Towns, streets, agents and homes are invented; the pages have the same structure as
those of the real site.
"""

from propload_spiders.demo.site import DemoSite
from propload_spiders.demo.traps import ALL_TRAPS, NO_TRAPS, Traps

__all__ = ["ALL_TRAPS", "NO_TRAPS", "DemoSite", "Traps"]
