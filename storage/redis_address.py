"""What an address of Redis says: whom to ask, whom to expect there, and how connections to them are made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode

from redis.asyncio.connection import AbstractConnection, Connection, parse_url

SENTINEL_PORT: Final = 26379
OF_SENTINELS: Final = "+sentinel"
PLAIN: Final = ("redis", "rediss", "unix")
OF_ALL: Final = frozenset({"db", "client_name"})
OF_TLS: Final = frozenset(
    {
        *("ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile"),
        *("ssl_password", "ssl_check_hostname", "ssl_min_version", "ssl_ciphers"),
    }
)
FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
OF_THE_SENTINELS: Final = {"sentinel_username": "username", "sentinel_password": "password"}
FORMS: Final = (
    "redis://[user:password@]host[:port][/db], rediss:// for TLS, unix:///path, or "
    "redis+sentinel://[user:password@]host[:port],host[:port],…/name of the master[/db], rediss+sentinel:// for TLS; "
    "in a password write % and the two digits for signs like / @ : ?"
)


class BadAddress(ValueError):
    """What is wrong with an address, without showing it, since it may hold a password."""

    def __init__(self, what: str, *, advice: str = f"write {FORMS}") -> None:
        super().__init__(f"not an address of Redis: {what}; {advice}")


class HostPort(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class RedisAddress(NamedTuple):
    """``sentinels``: whom to ask for the master that is called ``master``; without any, Redis is at the address itself.
    ``options`` are those of a connection to Redis, ``sentinel_options`` those of one to a sentinel.
    """

    connection_class: type[AbstractConnection]
    options: Mapping[str, Any]
    sentinels: tuple[HostPort, ...] = ()
    master: str = ""
    sentinel_options: Mapping[str, Any] = {}

    @classmethod
    def read(cls, url: str) -> RedisAddress:
        """Raises ``BadAddress``."""
        scheme, is_url, rest = url.partition("://")
        plain = scheme.removesuffix(OF_SENTINELS)
        if not is_url or plain not in PLAIN or scheme == "unix" + OF_SENTINELS:
            raise BadAddress("it does not begin as one")
        rest, _, query = rest.partition("?")
        if scheme != plain:
            return _of_sentinels(plain, rest, query)
        if plain != "unix" and not _is_number(_path(rest)):
            raise BadAddress("what follows the host is the number of a database")
        connection_class, options = _connection(plain, rest, _words(plain, query))
        return cls(connection_class, options)


def _of_sentinels(plain: str, rest: str, query: str) -> RedisAddress:
    authority, _, path = rest.partition("/")
    user, at, hosts = authority.rpartition("@")
    master, _, db = path.partition("/")
    if not master or not _is_number(db):
        raise BadAddress("after the sentinels comes the name of the master, and then at most the number of a database")
    words = _words(plain, query, OF_THE_SENTINELS)
    own = {name: words.pop(told) for told, name in OF_THE_SENTINELS.items() if told in words}
    connection_class, options = _connection(plain, f"{user}{at}localhost/{db}", words)
    of_both = {name: value for name, value in options.items() if name in OF_TLS}
    places = tuple(_place(one) for one in hosts.split(","))
    options = {name: value for name, value in options.items() if name not in ("host", "port")}
    return RedisAddress(connection_class, options, places, unquote(master), {**of_both, **own})


def _words(plain: str, query: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The options that follow the question mark: a timeout or the like among them would undo ours."""
    known = OF_ALL | (more or {}).keys() | (OF_TLS if plain == "rediss" else frozenset())
    words = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in words.items():
        if name not in known:
            shown = name if name.isidentifier() else "what follows the question mark"
            raise BadAddress(f"{shown} is no option of {plain}://", advice=f"there are {', '.join(sorted(known))}")
        if name in FILES and not Path(value).is_file():
            raise BadAddress(f"{name}: there is no file {value}", advice="give the path of one in PEM")
    if words.get("ssl_cert_reqs", "none") not in ("none", "optional", "required"):
        raise BadAddress("ssl_cert_reqs is something else", advice="it is none, optional or required")
    return words


def _connection(plain: str, rest: str, words: Mapping[str, str]) -> tuple[type[AbstractConnection], dict[str, Any]]:
    query = f"?{urlencode(words)}" if words else ""
    try:
        options: dict[str, Any] = dict(parse_url(f"{plain}://{rest}{query}"))
    except ValueError:
        raise BadAddress("its host, port or an option is malformed") from None
    if plain == "unix" and not options.get("path"):
        raise BadAddress("the path of the socket is missing")
    return options.pop("connection_class", Connection), options


def _path(rest: str) -> str:
    return rest.partition("/")[2].rstrip("/")


def _is_number(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


def _place(text: str) -> HostPort:
    """``host``, ``host:port``, ``[v6]`` or ``[v6]:port``."""
    host, bracket, port = text.rpartition("]") if text.startswith("[") else text.partition(":")
    port = port.removeprefix(":") if bracket == "]" else port
    host = host.removeprefix("[")
    if not host or not _is_number(port) or int(port or 1) not in range(1, 65_536):
        raise BadAddress("each sentinel is host or host:port, separated by commas")
    return HostPort(host, int(port or SENTINEL_PORT))
