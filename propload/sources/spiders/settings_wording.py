"""Rewords the messages of a load for users of Scrapy's settings instead of flags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from propload.config import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Container

_FLAGS = {setting.flag: setting for setting in SETTINGS.values()}
#: A command that is to be typed as it is, up to where the sentence continues; or a flag
#: with the next word.
_COMMAND_OR_FLAG = re.compile(
    r"(?P<command>\bpropload [a-z].*?(?=[)\n]|[,;:] |(?<!\.)\. |$))"
    r"|(?P<flag>--[a-z][a-z-]*)(?: (?P<word>[\w-]+(?:,\w+)*))?",
    re.MULTILINE,
)
#: A placeholder for a value: `FILE`, `A,B`.
_PLACEHOLDER = re.compile(r"[A-Z]+(,[A-Z]+)*")
#: A setting in place of a flag, followed by the environment variable of the same name.
_TWICE = re.compile(r"(PROPLOAD_\w+)(=\w+)?, or \1\b")
_KEYWORD = re.compile(r"([a-z_]+): ")


def flags_to_settings(text: str, /) -> str:
    """Return a message with settings, `PROPLOAD_KEY=A,B`, for flags, `--key A,B`.

    Flags in commands that the message tells the user to run stay as they are.
    """
    return _TWICE.sub(r"\1\2", _COMMAND_OR_FLAG.sub(_setting_for_flag, text))


def with_setting_name(text: str, variables: Container[str], /) -> str:
    """Return a message with the setting that it begins with under its Scrapy name.

    Args:
        text: The message.
        variables: The Scrapy names of the settings that the crawl has.
    """
    keyword = _KEYWORD.match(text)
    setting = SETTINGS.get(keyword[1]) if keyword else None
    if keyword is None or setting is None or setting.variable not in variables:
        return text
    return f"{setting.variable}: {text[keyword.end() :]}"


def _setting_for_flag(match: re.Match[str]) -> str:
    setting = _FLAGS.get(match["flag"] or "")
    if setting is None:
        return match[0]
    word = match["word"]
    if word is None:
        return setting.variable
    is_value = word in setting.choices or _PLACEHOLDER.fullmatch(word)
    return f"{setting.variable}{'=' if is_value else ' '}{word}"
