"""Cutting texts out of pages: pure functions from HTML to items, without Scrapy."""
