"""The spiders, which Scrapy finds here and propload through entry points."""
