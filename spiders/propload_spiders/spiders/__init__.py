"""The spiders, found by Scrapy here and by propload through entry points."""
