"""`propload demo`: run a registered demonstration, from site to table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.cli.command import command, own_app
from propload.cli.flags import option, switch
from propload.cli.settings import settings_group
from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from propload.cli.output import Reported, Screen
    from propload.options import Settings

    class Demo(Protocol):
        """A demonstration."""

        def __call__(
            self,
            tell: Callable[[str], None],
            /,
            *,
            listings: int,
            keep: bool,
            settings: Settings,
        ) -> Reported:
            """Run the demonstration, passing progress messages to `tell`."""


#: The entry point group under which packages register a demonstration.
GROUP = "propload.demos"
#: Two simulated days of this many listings take about 20 seconds on two busy cores.
_LISTINGS = 400

_SIZE = option(
    int,
    "--listings",
    default=_LISTINGS,
    metavar="N",
    help="Homes for sale on the site's first day.",
)
_KEEP = switch("--keep", "Load on top of the rows of an earlier demo.")

app = own_app()


@command(
    app,
    "demo",
    example="propload demo\npropload demo --listings 2000 --json",
    listings=_SIZE,
    keep=_KEEP,
    settings=settings_group(("to", "state_dir", "progress")),
)
def demo(*, listings: int, keep: bool, settings: Settings, screen: Screen) -> None:
    """Crawl a made-up site on this machine for two days, and show what changed.

    The site's pages are served, crawled with the real spiders, loaded into the
    tables demo_listings and demo_listings_day_1, and compared. It takes half a
    minute, needs no network, and can be run again.
    """
    is_silent = screen.quiet or screen.as_json
    overrides: Settings = {"progress": False} if is_silent else {}
    tell = screen.print if not is_silent else (lambda _: None)
    report = _find_demo()(
        tell, listings=listings, keep=keep, settings={**settings, **overrides}
    )
    if screen.as_json:
        screen.show(report)
    elif screen.quiet:
        screen.print(str(report))


def _find_demo() -> Demo:
    from importlib.metadata import entry_points  # noqa: PLC0415 - takes 40 ms

    registered = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    if not registered:
        msg = f"no demo is registered (entry points {GROUP}): reinstall propload"
        raise ConfigError(msg)
    demo: Demo = registered[0].load()
    return demo
