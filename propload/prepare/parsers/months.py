"""Names of months, as five languages write them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from propload.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Each language's twelve months, with every form that texts use.
MONTHS: Mapping[str, tuple[str, ...]] = {
    "nl": (
        "januari jan",
        "februari feb febr",
        "maart mrt maa",
        "april apr",
        "mei",
        "juni jun",
        "juli jul",
        "augustus aug",
        "september sep sept",
        "oktober okt",
        "november nov",
        "december dec",
    ),
    "en": (
        "january jan",
        "february feb",
        "march mar",
        "april apr",
        "may",
        "june jun",
        "july jul",
        "august aug",
        "september sep sept",
        "october oct",
        "november nov",
        "december dec",
    ),
    "de": (
        "januar jänner jan jän",
        "februar feber feb",
        "märz maerz mär mrz",
        "april apr",
        "mai",
        "juni jun",
        "juli jul",
        "august aug",
        "september sep sept",
        "oktober okt",
        "november nov",
        "dezember dez",
    ),
    "fr": (
        "janvier janv jan",
        "février fevrier févr fevr fév fev",
        "mars mar",
        "avril avr",
        "mai",
        "juin",
        "juillet juil",
        "août aout aoû",
        "septembre sept sep",
        "octobre oct",
        "novembre nov",
        "décembre decembre déc dec",
    ),
    "pl": (
        "styczeń stycznia styczen sty",
        "luty lutego lut",
        "marzec marca mar",
        "kwiecień kwietnia kwiecien kwi",
        "maj maja",
        "czerwiec czerwca cze",
        "lipiec lipca lip",
        "sierpień sierpnia sierpien sie",
        "wrzesień września wrzesien wrzesnia wrz",
        "październik października pazdziernik pazdziernika paź paz",
        "listopad listopada lis",
        "grudzień grudnia grudzien gru",
    ),
}


def language_of(locale: str | None) -> str | None:
    """Return the language of a locale such as `nl`, `nl_NL` or `nl-BE`.

    Raises:
        ConfigError: Its months are not known.
    """
    if locale is None:
        return None
    language = locale.lower().replace("-", "_").split("_")[0]
    if language not in MONTHS:
        msg = f"locale {locale!r} is not known; known are: {', '.join(MONTHS)}"
        raise ConfigError(msg)
    return language


@cache
def month_numbers(locale: str | None) -> dict[str, str]:
    """Return month names in lower case with their numbers, `01` to `12`.

    Args:
        locale: A language such as `nl` or `nl_NL`; None gives all of them, since
            no name means two months.
    """
    language = language_of(locale)
    languages = MONTHS.values() if language is None else [MONTHS[language]]
    return {
        name: f"{number:02}"
        for months in languages
        for number, names in enumerate(months, 1)
        for name in names.split()
    }
