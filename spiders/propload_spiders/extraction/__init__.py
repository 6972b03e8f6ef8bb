"""Extract texts from pages: pure functions from HTML to items, without Scrapy."""
