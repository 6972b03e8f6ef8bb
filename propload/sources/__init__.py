"""Sources of rows (files, frames, Python objects, spiders), all read as batches."""

from propload.sources.files.readers import refuse_unused
from propload.sources.opening import open_source
from propload.sources.source import Source

__all__ = ["Source", "open_source", "refuse_unused"]
