"""Rows of JSON: a line each, one array, or objects one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.batch import Batch
    from propload.options import SourceOptions


def read_json(
    blocks: Iterator[bytes], name: str, options: SourceOptions, *, lines: bool
) -> Iterator[Batch]:
    """Yield the rows of a JSON text."""
    raise NotImplementedError
