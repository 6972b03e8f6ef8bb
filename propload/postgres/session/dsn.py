"""Parse and complete connection strings, and show them without their secrets.

libpq reads the same two forms (URI and `key=value`), and takes what they leave out from
PGPASSWORD and similar variables, the password file and the service file. A string that
this module cannot parse never reaches libpq, whose messages would quote it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from propload.errors import ConfigError
from propload.messages.hidden_text import HiddenText

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN = "***"

_SECRET_KEYS = frozenset(
    {
        "password",
        "sslpassword",
        "oauth_client_secret",
        # a role can log in with these as with its password
        "scram_client_key",
        "scram_server_key",
    }
)
#: The names of libpq's settings whose values may be shown.
_PUBLIC = (
    "host hostaddr port dbname user passfile require_auth channel_binding "
    "connect_timeout client_encoding options application_name "
    "fallback_application_name keepalives keepalives_idle keepalives_interval "
    "keepalives_count tcp_user_timeout replication gssencmode sslmode requiressl "
    "sslnegotiation sslcompression sslcert sslkey sslkeylogfile sslcertmode "
    "sslrootcert sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version "
    "ssl_max_protocol_version min_protocol_version max_protocol_version krbsrvname "
    "gsslib gssdelegation service servicefile target_session_attrs "
    "load_balance_hosts oauth_issuer oauth_client_id oauth_scope"
)
_PUBLIC_KEYS = frozenset(_PUBLIC.split())
_URI = re.compile(r"^(?P<scheme>postgres(?:ql)?://)(?P<rest>.*)$", re.DOTALL)
#: The scheme of a SQLAlchemy URL with a driver, which libpq does not accept.
_DRIVER = re.compile(r"postgres(?:ql)?(\+\w+)://")
_PAIR = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?=\s|$)")
#: A secret in a URI's query, or after a wrong separator (`;` as in other drivers, `&`
#: without a `?`), which libpq takes for part of a name and quotes in its messages.
_QUERY_SECRET = re.compile(
    r"([?&;,|]\s*(?:\w*passw(?:or)?d|pwd|oauth_client_secret|scram_\w+_key)\s*=)"
    r"([^&#]*)",
    re.IGNORECASE,
)
_QUERY_PART = re.compile(r"(?<=[?&])[^&]+")

_UNREADABLE_URI = (
    "the connection string cannot be read: a character of the user or the password "
    "must be percent-encoded there (@ as %40, / as %2F, ? as %3F, % as %25, space as "
    "%20), or leave the password out and set PGPASSWORD"
)
_UNREADABLE_PAIRS = (
    "the connection string cannot be read: write key=value pairs with spaces between "
    "them, and a value with spaces in single quotes"
)
_UNREADABLE_QUERY = (
    "the connection string cannot be read: in a URI, settings begin after ? and are "
    "separated by &, as in postgresql://USER@HOST/DATABASE?sslmode=require"
)
_MASKED = (
    f"the password in the connection string is {HIDDEN}, which stands for one that is "
    "hidden: of a SQLAlchemy URL, str() does that, and "
    "url.render_as_string(hide_password=False) does not"
)
_UNREADABLE_CODE = (
    "the connection string cannot be read: in a URI, a % begins the code of a "
    "character, such as %20 for a space: write % itself as %25"
)
#: Percent-encoding that libpq refuses, quoting it in its message.
_WRONG_CODE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")

#: Defaults for what the string leaves out, each with the variable that also sets it, if
#: there is one. A host that does not answer is given up after 10 s, and a cut
#: connection is noticed within a minute instead of two hours.
_DEFAULTS = {
    "connect_timeout": ("PGCONNECT_TIMEOUT", "10"),
    "keepalives_idle": (None, "30"),
    "keepalives_interval": (None, "10"),
    "keepalives_count": (None, "3"),
    "tcp_user_timeout": (None, "60000"),
}
#: The socket folder of servers from most systems' packages. Their `psql` uses it if no
#: host is given, but the driver has its own libpq, which uses `/tmp`.
_SOCKETS = Path("/var/run/postgresql")


def resolve_dsn(dsn: str, /) -> str:
    """Return the connection string, completed with timeouts and the local host.

    Raises:
        ConfigError: It is neither a PostgreSQL URI nor `key=value` pairs, or its
            password is hidden.
    """
    dsn = dsn.strip()  # one read from a file ends in a line break
    settings = parse_dsn(dsn)
    if settings.get("password") == HIDDEN:
        raise ConfigError(_MASKED)
    missing = _local_host(settings) | {
        key: value
        for key, (variable, value) in _DEFAULTS.items()
        if key not in settings and not (variable and os.environ.get(variable))
    }
    if "service" in settings or not missing:  # must not override a service file
        return HiddenText(dsn)
    pairs = [f"{key}={value}" for key, value in missing.items()]
    if not _URI.match(dsn):
        return HiddenText(" ".join([dsn, *pairs]))
    return HiddenText(dsn + ("&" if "?" in dsn else "?") + "&".join(pairs))


def _local_host(settings: dict[str, str]) -> dict[str, str]:
    """Return the folder of a local server's socket as host, if no host is given."""
    is_set = any(settings.get(key) for key in ("host", "hostaddr")) or any(
        os.environ.get(key) for key in ("PGHOST", "PGHOSTADDR", "PGSERVICE")
    )
    port = settings.get("port") or os.environ.get("PGPORT") or "5432"
    is_there = not is_set and (_SOCKETS / f".s.PGSQL.{port}").exists()
    return {"host": str(_SOCKETS)} if is_there else {}


def with_option(dsn: str, option: str, /) -> str:
    """Return a connection string with one more option for the server.

    Args:
        dsn: A connection string; its own options, or those of `PGOPTIONS`, are kept.
        option: An option such as `-c jit=off`.
    """
    own = parse_dsn(dsn).get("options") or os.environ.get("PGOPTIONS", "")
    options = f"{own} {option}".strip()
    # if a setting is given twice, the last one applies
    if not _URI.match(dsn):
        return HiddenText(f"{dsn} options={_quote_value(options)}")
    return HiddenText(f"{dsn}{'&' if '?' in dsn else '?'}options={quote(options)}")


def parse_dsn(dsn: str, /) -> dict[str, str]:
    """Return the settings of a connection string, decoded.

    Raises:
        ConfigError: It is neither a PostgreSQL URI nor `key=value` pairs, or a
            password in it has a character that must be encoded.
    """
    text = dsn.strip()
    uri = _URI.match(text)
    return _parse_uri(uri["rest"]) if uri else dict(_pairs(text))


def describe_dsn(dsn: str, /) -> str:
    """Return `host:port/database` for messages, without secrets."""
    try:
        settings = parse_dsn(dsn)
    except ConfigError:
        return HIDDEN
    service = settings.get("service") or os.environ.get("PGSERVICE")
    if service and not settings.keys() & {"host", "hostaddr"}:
        return f"service {service}"
    host = settings.get("host") or settings.get("hostaddr")
    host = host or os.environ.get("PGHOST") or "localhost"
    port = settings.get("port") or os.environ.get("PGPORT", "")
    user = settings.get("user") or os.environ.get("PGUSER", "")
    database = settings.get("dbname") or os.environ.get("PGDATABASE") or user
    return f"{host}{':' if port else ''}{port}/{database}"


def mask(dsn: str, /) -> str:
    """Return a connection string that may be shown: each secret is `***`."""
    text = dsn
    uri = _URI.match(text.strip())
    if uri:
        rest = uri["rest"]
        # up to the very last @: it is better to hide too much than too little
        before, at, after = rest.rpartition("@")
        user, colon, password = before.partition(":")
        if at and colon and password:
            rest = f"{user}:{HIDDEN}@{after}"
        rest = _QUERY_SECRET.sub(rf"\1{HIDDEN}", rest)
        return uri["scheme"] + _QUERY_PART.sub(_mask_part, rest)
    try:
        pairs = list(_pairs(text))
    except ConfigError:
        return HIDDEN
    if any(key.lower() not in _PUBLIC_KEYS | _SECRET_KEYS for key, _ in pairs):
        # it may be the rest of a password that has a space and a = in it
        return HIDDEN
    return " ".join(
        f"{key}={HIDDEN if key.lower() in _SECRET_KEYS else _quote_value(value)}"
        for key, value in pairs
    )


def hide_secrets(text: str, dsn: str, /) -> str:
    """Return a text with every secret of the connection string replaced by `***`."""
    for secret in sorted(_secrets(dsn), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets(dsn: str) -> set[str]:
    uri = _URI.match(dsn.strip())
    secrets: set[str] = set()
    if uri:
        secrets.add(_split_userinfo(uri["rest"])[0].partition(":")[2])
        secrets.add(uri["rest"].rpartition("@")[0].partition(":")[2])
        secrets.update(match[2] for match in _QUERY_SECRET.finditer(uri["rest"]))
    else:
        try:
            pairs = list(_pairs(dsn))
        except ConfigError:
            pairs = []
        secrets.update(value for key, value in pairs if key.lower() in _SECRET_KEYS)
    secrets |= {unquote(secret) for secret in secrets}
    secrets.add(os.environ.get("PGPASSWORD", ""))
    return secrets - {""}


def _mask_part(part: re.Match[str]) -> str:
    """Return a part of a URI's query, with its value hidden if it may be a secret.

    The name of a password may be misspelled, and a password with an & in it is split
    into two parts.
    """
    name, equals, _ = part[0].partition("=")
    if unquote(name) in _PUBLIC_KEYS:
        return part[0]
    return f"{name}={HIDDEN}" if equals else HIDDEN


def _split_userinfo(rest: str) -> tuple[str, str, str]:
    # Up to the last @ before the query: a password with an unencoded @ or / is
    # invalid, but must still be hidden.
    head, mark, query = rest.partition("?")
    if "@" not in head and "@" in query:
        head, mark, query = rest, "", ""
    before, at, after = head.rpartition("@")
    return before, at, after + mark + query


def _parse_uri(rest: str) -> dict[str, str]:
    before, at, after = _split_userinfo(rest)
    user, _, password = before.partition(":")
    if at and (re.search(r"[@/?#\s]", before) or _WRONG_CODE.search(before)):
        raise ConfigError(_UNREADABLE_URI)
    if _WRONG_CODE.search(after):
        raise ConfigError(_UNREADABLE_CODE)
    path, _, query = after.partition("?")
    values = [user, path, *(p.partition("=")[2] for p in query.split("&"))]
    if any(_QUERY_SECRET.search(unquote(value)) for value in values):
        raise ConfigError(_UNREADABLE_QUERY)
    authority, _, place = path.partition("/")
    settings = {"user": unquote(user), "password": unquote(password)}
    settings |= _hosts(authority)
    settings["dbname"] = unquote(place)
    for pair in filter(None, query.split("&")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(_UNREADABLE_QUERY)
        if not key.isidentifier():
            raise ConfigError(_UNREADABLE_URI)
        settings[unquote(key)] = unquote(value)
    return {key: value for key, value in settings.items() if value}


def _hosts(authority: str) -> dict[str, str]:
    hosts, ports = [], []
    for place in authority.split(","):
        host, _, port = place.rpartition(":")
        if not host or port.endswith("]"):
            host, port = place, ""
        hosts.append(unquote(host.strip("[]")))
        ports.append(port)
    return {"host": ",".join(hosts), "port": ",".join(ports).strip(",")}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    if of_driver := _DRIVER.match(text):
        msg = f"the connection string names a driver: leave {of_driver[1]} out"
        raise ConfigError(msg)
    # of another database's URI only the scheme matters: the rest may hold a =
    if "=" not in text.partition("://")[0] and text.strip():
        msg = (
            "the database is not given as a connection string: write "
            "postgresql://USER@HOST:PORT/DATABASE or host=HOST dbname=DATABASE"
        )
        raise ConfigError(msg)
    while text[position:].strip():
        pair = _PAIR.match(text, position)
        if not pair:
            raise ConfigError(_UNREADABLE_PAIRS)
        value = pair[2][1:-1] if pair[2].startswith("'") else pair[2]
        if pair[1].lower() not in _SECRET_KEYS and _QUERY_SECRET.search(value):
            raise ConfigError(_UNREADABLE_PAIRS)
        yield pair[1], re.sub(r"\\(.)", r"\1", value)
        position = pair.end()


def _quote_value(value: str) -> str:
    if value and not re.search(r"[\s'\\]", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
