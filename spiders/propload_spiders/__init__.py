"""Spiders for Dutch property pages, the mapping of their texts, and a demo site."""
