"""Parse the URL and the address of a listing, as Polars expressions."""

from __future__ import annotations

import polars as pl

# the id is at the end of the URL, or in its slug before street and number; a slug that
# ends with digits may have been cut off in the id, so a street must follow
_ID_AT_END = r"/(\d{7,9})/?$"
_ID_IN_SLUG = r"/[a-z][a-z-]*-(\d{7,9})-[^/]"
_PLACE = (
    r"(?i)^https?://[^/]+/(?:[a-z]{2}/)?(?:detail/)?(koop|huur)/"
    r"(?:(verkocht|verhuurd)/)?([^/]+)/([a-z-]+?)-[^/]"
)
#: In `rijswijk-zh`, the province that distinguishes places of the same name.
_PROVINCE = r"-(?:dr|fl|fr|gld|gr|li|lb|nb|nh|ov|ut|ze|zh)$"
#: Words that are not capitalised in the names of Dutch places.
_SMALL = ("aan", "bij", "de", "den", "der", "en", "het", "in", "op", "te", "ten", "van")

# streets whose name ends in a number: `Plein 1944`, `Laan 1940-1945`, `Wijk 4` in Urk;
# after any other street, the second of two numbers is a floor: `Kerkstraat 28 2`
_YEAR = r"(?:1[5-9]|20)\d\d"
_NUMBERED = (
    rf"(?i:(?:plein|laan|straat|weg|park|hof|kade|boulevard)\s+{_YEAR}|wijk\s+\d\d?"
    rf"|.*?\s{_YEAR}\s?-\s?{_YEAR})"
)
# house number and suffix: ` 36 I`, ` 38-C`, ` 5`
_NUMBER = r"\s+(\d{1,5})(?:\s*[-/ ]\s*(\S.*)|([A-Za-z]\S*))?$"
# the same with the street: `Laing's Nekstraat 36 I`, `1e Jan Steenstraat 5`
_ADDRESS = rf"^({_NUMBERED}|\d*\D*?\p{{L}}.*?){_NUMBER}"
#: `Villa Rood (Bouwnr. 4)`: the name of a project, not of a street.
_PROJECT = r"(?i)\bbouwn(?:r|ummer)\b"
#: `Kaai ong.`: land that has no house number yet.
_NO_NUMBER = r"(?i)\s+(?:ong\.?|ongenummerd)$"
# a postal code after a house number or comma, before a city, or alone; a house number
# with its suffix looks like one (`Hoofdweg 1024 hs`), so directly after a street it
# must have capitals
_CODE = r"([1-9]\d{3})\s?([A-Za-z]{2})\b"
_CAPITAL_CODE = r"([1-9]\d{3})\s?([A-Z]{2})\b"
_UP_TO_CODE = (
    rf"^(.*?(?:\s\d|,).*?)[,\s]+{_CODE}.*$",
    rf"^([^\d,]+?)\s+{_CAPITAL_CODE}\s+\p{{Lu}}.*$",
    rf"^(){_CODE}(?:\s.*)?$",
)


def path(url: pl.Expr) -> pl.Expr:
    """Return a URL without query and fragment."""
    return url.str.replace(r"[?#].*$", "")


def listing_id(url: pl.Expr) -> pl.Expr:
    """Return the listing's id: the digits that stay when its URL changes."""
    plain = path(url)
    listing = ~plain.str.contains("/makelaars?/")
    digits = pl.coalesce(
        plain.str.extract(_ID_AT_END, 1), plain.str.extract(_ID_IN_SLUG, 1)
    )
    return pl.when(listing).then(digits)


def url_offering(url: pl.Expr) -> pl.Expr:
    """Return `koop` or `huur` from a URL."""
    return _in_url(url, 1)


def url_status(url: pl.Expr) -> pl.Expr:
    """Return `verkocht` or `verhuurd` from a URL; null for an open listing."""
    return _in_url(url, 2)


def url_object_type(url: pl.Expr) -> pl.Expr:
    """Return the first word of a URL's slug: `huis`, `appartement`, ..."""
    return _in_url(url, 4).str.extract(r"^([a-z]+)", 1)


def url_city(url: pl.Expr) -> pl.Expr:
    """Return the city's slug from a URL: `den-haag`, `rijswijk-zh`."""
    return _in_url(url, 3)


def _in_url(url: pl.Expr, group: int) -> pl.Expr:
    return path(url).str.extract(_PLACE, group).str.to_lowercase()


def city_name(slug: pl.Expr) -> pl.Expr:
    """Return a place's name from its slug: `bergen-op-zoom` is Bergen op Zoom.

    Hyphens in the name itself look like those of the slug and are lost.
    """
    words = slug.str.replace(_PROVINCE, "").str.replace_all("-", "  ", literal=True)
    # two spaces, so that adjacent words such as `aan den` do not share one
    small = {f" {word.title()} ": f" {word} " for word in _SMALL}
    named = words.str.to_titlecase().str.replace_many(small).str.replace_all("  ", " ")
    return (
        named.str.replace(r"^S (\w)", "'s-$1")
        .str.replace(r"^T (\w)", "'t $1")
        .str.replace_all(r"\bIj", "IJ")
    )


def city(text: pl.Expr, slug: pl.Expr) -> pl.Expr:
    """Return the given city; if it is missing or truncated, the URL's city.

    `amst` and `haag` are parts of the slugs `amsterdam` and `den-haag`, whereas
    `Rijswijk` is the full name for `rijswijk-zh`.
    """
    as_slug = text.str.to_lowercase().str.replace_all(r"[^a-z0-9]+", "-")
    is_name = (slug == as_slug) | slug.str.starts_with(as_slug + "-")
    is_piece = slug.str.contains(as_slug, literal=True) & ~is_name
    return (
        pl.when(is_piece.fill_null(value=False) | text.is_null())
        .then(city_name(slug))
        .otherwise(text)
    )


def street_and_number(
    address: pl.Expr, street: pl.Expr, number: pl.Expr, suffix: pl.Expr
) -> list[pl.Expr]:
    """Return street, house number and suffix, parsing those that are not given.

    An address line alone does not show where its street ends: `Baan 66 5` is number 66
    in the street Baan, or number 5 in Baan 66. A given street decides it.

    Args:
        address: Lines such as `Laing's Nekstraat 36 I`.
        street: The street if it is given separately, otherwise null.
        number: The house number if it is given separately, otherwise null.
        suffix: The suffix of the number if it is given separately, otherwise null.
    """
    line = _first_line(address)
    is_known = line.str.starts_with(street).fill_null(value=False)
    behind = pl.when(is_known).then(line.str.strip_prefix(street))
    alone = pl.when(~is_known).then(line)
    read = pl.coalesce(
        behind.str.extract(f"^{_NUMBER}", 1), alone.str.extract(_ADDRESS, 2)
    )
    follows = pl.coalesce(
        *(behind.str.extract(f"^{_NUMBER}", group) for group in (2, 3)),
        *(alone.str.extract(_ADDRESS, group) for group in (3, 4)),
    )
    # a suffix after a different number than the given one does not belong to it
    is_its = (number == read) | number.is_null()
    whole = line.str.replace(_NO_NUMBER, "")
    return [
        pl.coalesce(street, line.str.extract(_ADDRESS, 1), whole).alias("street"),
        pl.coalesce(number, read).alias("house_number"),
        pl.coalesce(suffix, pl.when(is_its).then(follows)).alias("house_number_suffix"),
    ]


def _first_line(address: pl.Expr) -> pl.Expr:
    """Return the street and number of an address; null if it names a project."""
    before_code = [address.str.extract(pattern, 1) for pattern in _UP_TO_CODE]
    line = pl.coalesce(*before_code, address).str.replace(r"\s*,.*$", "")
    return pl.when(~line.str.contains(_PROJECT) & (line != "")).then(line)


def postal_code(text: pl.Expr) -> pl.Expr:
    """Return `2611DX` for `2611 dx`, or the four digits if there are no letters."""
    pattern = r"^([1-9]\d{3})\s*([A-Za-z]{2})?$"
    letters = text.str.extract(pattern, 2).str.to_uppercase().fill_null("")
    return pl.concat_str(text.str.extract(pattern, 1), letters)


def postal_code_in(address: pl.Expr) -> pl.Expr:
    """Return the postal code within a longer address."""
    figures, letters = (
        pl.coalesce(address.str.extract(pattern, group) for pattern in _UP_TO_CODE)
        for group in (2, 3)
    )
    return figures + letters.str.to_uppercase()
