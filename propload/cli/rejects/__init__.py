"""`propload rejects`: look at the rows that runs rejected, and load them after all."""

from __future__ import annotations

from propload.cli.command import add_group, own_app
from propload.cli.rejects import drop, export, list_runs, replay, show

app = own_app()
group = add_group(
    app, "rejects", "Look at the rows that runs rejected, and load them after all."
)
# the order is that of `--help`
for one in (list_runs, show, replay, export, drop):
    group.add_typer(one.app)
