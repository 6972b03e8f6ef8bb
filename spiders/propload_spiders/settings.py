"""Settings of the Scrapy project, for running `scrapy crawl` in this folder."""

from __future__ import annotations

from propload_spiders.manners import MANNERS

BOT_NAME = "propload"
SPIDER_MODULES = ["propload_spiders.spiders"]
NEWSPIDER_MODULE = "propload_spiders.spiders"

ROBOTSTXT_OBEY = True
USER_AGENT = MANNERS["USER_AGENT"]
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
