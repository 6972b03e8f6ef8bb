# ruff: noqa: INP001 - a script, not a package
"""Makes docs/api.md from the docstrings: `python docs/make_api.py`."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from propload.options import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PAGE = Path(__file__).with_name("api.md")
#: What is public, module by module; of a module without names all that it offers.
PUBLIC: Mapping[str, Sequence[str]] = {
    "propload": (),
    "propload.prepare.mapping": (
        "load_mapping",
        "RowMapping",
        "MapContext",
        "Sifted",
        "ROW",
        "reason_lines",
        "join_reasons",
        "no_reasons",
    ),
    "propload.prepare.parsers": (
        "parse_text",
        "parse_integer",
        "parse_number",
        "parse_money",
        "parse_area",
        "parse_boolean",
        "parse_date",
        "parse_timestamp",
        "parse_json",
        "parse_one_of",
    ),
    "propload.schemas": ("RowSchema",),
    "propload.sources.spiders": (
        "PropLoadAddon",
        "PropLoadPipeline",
        "Pace",
        "Watch",
        "SitePace",
        "SpiderSource",
        "SpiderArgument",
        "SpiderEntry",
        "find_spider",
        "list_spiders",
    ),
    "propload.target": ("TableName",),
    "propload.testing": ("MemorySource",),
}
#: What a run calls on objects of these, and users do not.
OWN = {
    "Batch": {"created_as", "nbytes", "numbered_from"},
    "Counts": {"possible"},
    "Leftover": {"is_entered", "measure", "torn_bytes"},
    "Loader": {"keep", "on_failed", "on_room"},
    "Metrics": {"add", "begin", "end"},
    "Tuning": {"default", "finalists", "is_open", "leading"},
}
_TITLE = """# Python API

Made from the docstrings by `docs/make_api.py`. Settings (`**settings`, `**options`) are
on the page of the [configuration](configuration.md#all-settings); how to use all this
is shown on the pages [Python](python.md), [mapping](mapping.md#in-python) and
[crawling](crawling.md).

Anything not listed here may change in any release.
"""
_SECTION = re.compile(r"^(Args|Attributes|Raises|Yields|Returns):$")


def page() -> str:
    """Return the page."""
    parts = [_TITLE]
    for module, names in PUBLIC.items():
        parts.append(f"## {module}\n")
        home = import_module(module)
        for name in names or sorted(home.__all__, key=_place):
            parts.extend(_described(name, getattr(home, name)))
    return "\n".join(parts)


def _place(name: str) -> tuple[int, str]:
    """Return where a name comes: functions, then classes, then errors."""
    return (name.endswith("Error") + (not name[0].islower()), name)


def _described(name: str, thing: object) -> Iterator[str]:
    if isinstance(thing, str):
        # a version tells nothing here, and would change the page with each release
        shown = "" if name == "__version__" else f" = {thing!r}"
        yield f"### {name}\n\n`{name}{shown}`: a text.\n"
        return
    yield f"### {name}\n"
    told = inspect.getdoc(thing) or ""
    if not inspect.isclass(thing) or ("Attributes:" not in told and _is_made(thing)):
        yield f"`{name}{_signature(thing)}`\n"
    yield _flowing(told)
    if inspect.isclass(thing):
        yield from _members(name, thing)


def _is_made(thing: type) -> bool:
    """Whether users make one by its class: a protocol is only followed."""
    return "__init__" in vars(thing) and not getattr(thing, "_is_protocol", False)


def _members(name: str, thing: type) -> Iterator[str]:
    lines = []
    for member, value in vars(thing).items():
        if member.startswith("_") or member in OWN.get(name, ()):
            continue
        if re.match(r"set_|observe_|from_crawler|\w+_(spider|crawler)$", member):
            continue
        plain = getattr(value, "__func__", value)
        if not (told := inspect.getdoc(plain)):
            continue
        if isinstance(value, property):
            lines.append(_item(member, told))
        elif inspect.isfunction(plain):
            lines.append(_item(f"{member}{_signature(plain)}", told))
    if lines:
        yield "Properties and methods:\n"
        yield "\n".join(lines).rstrip("\n") + "\n"


def _item(member: str, told: str) -> str:
    """Return a member as an item of a list, with all that is told of it below."""
    first, _, rest = told.partition("\n\n")
    item = f"- `{member}`: " + first.replace("\n", " ")
    return f"{item}\n\n{indent(_flowing(rest), '  ')}" if rest else item


def _signature(function: object) -> str:
    """Return what a function is given, without types: they are in the editor."""
    found = inspect.signature(function)  # type: ignore[arg-type] # a callable
    empty = inspect.Parameter.empty
    left_out = {"self", "cls"}
    if "settings" in found.parameters:
        # they have a page of their own
        left_out |= Settings.__annotations__.keys()
    parts = [
        each.replace(annotation=empty)
        for name, each in found.parameters.items()
        if name not in left_out
    ]
    return str(inspect.Signature(parts))


def _flowing(told: str) -> str:
    """Return a docstring as Markdown: its sections are lists."""
    lines: list[str] = []
    inside = False
    for line in told.splitlines():
        if found := _SECTION.match(line):
            inside = True
            lines += [f"{found[1]}:", ""]
        elif inside and re.match(r"    \S", line):
            name, _, rest = line.strip().partition(": ")
            lines.append(f"- `{name}`: {rest}")
        elif inside and line.strip():
            lines.append(f"  {line.strip()}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
