"""Lookup and checks by name: entry points, file formats, spiders, types."""
