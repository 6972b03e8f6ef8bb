"""The sources of a command: files and the like, or one spider with its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

from propload.cli.flags import Group, Part, argument, option
from propload.config import job_source, job_table
from propload.config.values import decode_argument, read_resume
from propload.errors import ConfigError
from propload.names.spider_names import is_spider, refuse_among

if TYPE_CHECKING:
    from collections.abc import Iterable


class Crawl(TypedDict, total=False):
    """Keywords of `propload.ingest` for a spider."""

    arguments: Mapping[str, object]
    crawl_settings: Mapping[str, object]


_TEXTS = list[str] | None
_SOURCE_WITHOUT_SPIDER = argument(
    _TEXTS, "SOURCE", "Files, globs, folders, or - for stdin."
)
_SOURCE = argument(
    _TEXTS, "SOURCE", "Files, globs, folders, - for stdin, or spider:NAME."
)
_JOB = option(
    str | None,
    "--job",
    metavar="NAME",
    help="Take settings and source from table jobs.NAME of the configuration file.",
    rich_help_panel="Running",
)


def _values(meaning: str, *flags: str) -> Part:
    return option(
        _TEXTS,
        *flags,
        metavar="NAME=VALUE",
        help=f"{meaning}; may be given several times.",
        rich_help_panel="Crawling",
    )


_ARGUMENT = _values("Argument for the spider", "--argument", "-a")
_SET = _values("Scrapy setting of the crawl", "--set")


class ChosenSources:
    """The sources that the command line names, and the job.

    Args:
        values: The values of the flags by name, as given.
    """

    def __init__(self, values: Mapping[str, object]) -> None:
        job = values["job"]
        self.job = decode_argument(job) if isinstance(job, str) else None
        self._sources = _texts(values["sources"])
        self._argument = _texts(values.get("argument"))
        self._set = _texts(values.get("set"))

    def source(self, *, resume: object = None) -> str | list[str]:
        """Return the source for `propload.ingest`: the command line's, or the job's.

        Args:
            resume: The setting of that name. `--resume FILE` takes the file as its run,
                which the error for a missing source then explains.

        Raises:
            ConfigError: No source is named, or a spider together with other sources.
        """
        sources = self._sources or (list(job_source(self.job)) if self.job else [])
        if not sources:
            msg = (
                "no source: name a file, a glob, a folder, - (stdin) or spider:NAME, "
                "or --job NAME"
            )
            if isinstance(resume, str) and isinstance(read_resume(resume), str):
                msg += f". --resume took {resume!r} for a run: write --resume true"
            raise ConfigError(msg)
        if len(sources) == 1:
            return sources[0]
        refuse_among(sources)
        return sources

    def crawl(self) -> Crawl:
        """Return the spider's arguments and Scrapy settings; {} for other sources.

        Raises:
            ConfigError: A value is not NAME=VALUE, or the source is not a spider.
        """
        source = self.source()
        if not is_spider(source):
            for flag, words in (("--argument", self._argument), ("--set", self._set)):
                if words:
                    msg = (
                        f"{flag} {words[0]}: only a spider takes it, named as the "
                        "source: spider:NAME or MODULE:CLASS"
                    )
                    raise ConfigError(msg)
            return {}
        _refuse_repeated(self._argument)
        arguments = {**self._of_job("argument"), **pairs("--argument", self._argument)}
        settings = {**self._of_job("set"), **pairs("--set", self._set)}
        return {"arguments": arguments, "crawl_settings": settings}

    def _of_job(self, name: str) -> Mapping[str, object]:
        return job_table(self.job, name) if self.job else {}


def pairs(flag: str, words: Iterable[str]) -> dict[str, object]:
    """Return the values of `NAME=VALUE` words by name, as texts.

    Raises:
        ConfigError: A word has no `=`, or nothing before it.
    """
    values: dict[str, object] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            msg = f"{flag} {word!r} is not NAME=VALUE"
            raise ConfigError(msg)
        values[name] = value
    return values


def _refuse_repeated(words: Iterable[str]) -> None:
    """Refuse different values for one argument.

    Whoever writes `-a place=a -a place=b` wants both, but would get the last one.

    Raises:
        ConfigError: An argument has two different values.
    """
    values: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if values.setdefault(name, value) != value:
            msg = (
                f"--argument {name} is given twice, as {values[name]!r} and {value!r}: "
                "give it once, with all values in one if it is a list"
            )
            raise ConfigError(msg)


def sources_group(*, crawls: bool = False) -> Group:
    """Return the argument and the flags that become `ChosenSources`.

    Args:
        crawls: Whether the command can run a spider, with arguments and settings.
    """
    if not crawls:
        return Group({"sources": _SOURCE_WITHOUT_SPIDER, "job": _JOB}, ChosenSources)
    crawl_flags = {"argument": _ARGUMENT, "set": _SET}
    return Group({"sources": _SOURCE, **crawl_flags, "job": _JOB}, ChosenSources)


def _texts(value: object) -> list[str]:
    return value if isinstance(value, list) else []
