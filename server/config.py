"""Every setting, with its bound and its sentence.

A setting has three names: ``--http-port``, ``SOCIALFLOW_HTTP_PORT`` and ``http_port`` in ``socialflow.toml``. Flags win
over the environment, the environment over the file, the file over the defaults. A secret may also be in a file of its
own that ``SOCIALFLOW_…_FILE`` names. All that are unknown or bad are told at once, each by its name.
"""

from __future__ import annotations

import argparse
import difflib
import os
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from server.features.settings import FeatureSettings
from server.http.addresses import is_loopback, network_of
from server.secret_files import SecretFiles, UnusableFile, is_secret, masked

ENV_PREFIX = "SOCIALFLOW_"
CONFIG_FILE = "socialflow.toml"

Port = Annotated[int, Field(ge=0, le=65_535)]
Texts = Annotated[tuple[str, ...], NoDecode]
Roles = Annotated[tuple[Literal["edge", "media", "actors", "jobs"], ...], NoDecode]


class ConfigError(Exception):
    """What is wrong with the configuration, one line each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(*lines)
        self.lines = tuple(lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)


class Settings(FeatureSettings, BaseSettings):
    """What an operator may choose. Ports of 0 take a free one."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        toml_file=CONFIG_FILE,
        extra="forbid",
        frozen=True,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        env_ignore_empty=True,
    )

    # where to listen
    http_host: str = Field("127.0.0.1", description="address that HTTP and Socket.IO listen on")
    http_port: Port = Field(8080, description="port of HTTP and Socket.IO")
    rtmp_host: str = Field("127.0.0.1", description="address that RTMP listens on")
    rtmp_port: Port = Field(1935, description="port of RTMP")
    webrtc_port: Port = Field(8189, description="UDP port of WebRTC media")
    webrtc_tcp: bool = Field(
        True, description="take WebRTC over TCP as well, on the port of that number, where no UDP gets through"
    )
    webrtc_addresses: Texts = Field(
        (), description="addresses told to WebRTC peers, comma-separated; default: this machine's"
    )
    tls_cert: Path | None = Field(None, description="PEM certificate chain: HTTPS and RTMPS instead of HTTP and RTMP")
    tls_key: Path | None = Field(None, description="PEM private key of tls_cert")
    public_url: str | None = Field(
        None, description="address that people reach this server under, as https://live.example"
    )
    allowed_origins: Texts = Field(
        (), description="other origins whose pages may use the API and sockets, comma-separated"
    )
    trusted_proxies: Texts = Field(
        (), description="addresses or networks whose X-Forwarded-For and Forwarded are believed, comma-separated"
    )
    geoip_database: Path | None = Field(
        None,
        description="MaxMind database (.mmdb) that says which country an address is in; default: DB-IP Lite, which "
        "comes with the page",
    )

    # what to lean on
    data_dir: Path = Field(Path("data"), description="folder of the embedded databases, recordings and logs")
    run_dir: Path | None = Field(None, description="memory-backed folder of the live segments; default: below /dev/shm")
    database_url: str | None = Field(
        None, repr=False, description="Postgres, as libpq takes it; default: an embedded one in data_dir"
    )
    wal_folder: Path | None = Field(
        None,
        description="folder, on another disk, that base backups and the WAL of the embedded Postgres are kept in, so "
        "that `socialflow restore --to-time` can go back to any moment of the last wal_keep_days; default: none",
    )
    wal_keep_days: int = Field(7, ge=1, le=3_650, description="days that restore --to-time can go back")
    redis_url: str | None = Field(
        None, repr=False, description="Redis, itself or by its sentinels; default: an embedded one in data_dir"
    )
    object_store: str | None = Field(None, description="s3://bucket[/prefix]; default: a folder in data_dir")
    migrate: bool = Field(
        True, description="apply migrations at start (--no-migrate leaves it to `socialflow migrate`)"
    )

    # the cluster
    cluster_name: str = Field(
        "socialflow", min_length=1, max_length=64, description="name that all nodes of a cluster share"
    )
    node_host: str = Field("127.0.0.1", description="address under which the cluster's other nodes reach this one")
    node_port: Port = Field(0, description="port that other nodes reach this one under; 0 takes a free one")
    node_roles: Roles = Field(
        ("edge", "media", "actors", "jobs"),
        description="what this node is for, comma-separated; without actors it owns no rooms, streams and counters, "
        "without jobs it runs no jobs and schedules",
    )
    processes: int = Field(1, ge=1, le=64, description="nodes to run on this machine behind the same ports")
    drain_s: float = Field(10.0, ge=0, le=600, description="seconds that a stop may take")

    # what is said
    log_format: Literal["console", "json"] = Field("console", description="how logs are written")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="what is logged")
    access_log_share: float = Field(
        0.0, ge=0, le=1, description="share of requests of which a line is logged; above 0 also each answer from 500 on"
    )
    sentry_dsn: str | None = Field(
        None,
        repr=False,
        pattern=r"^https?://[^@/\s]+@[^@/\s]+(/[^@\s]*)?/[0-9]+$",
        max_length=500,
        description="where errors are reported to: the DSN of a project of Sentry, or of what speaks its protocol",
    )
    sentry_environment: str = Field(
        "production", pattern=r"^[A-Za-z0-9._-]{1,64}$", description="what error reports say that this server is"
    )
    otel_endpoint: str | None = Field(None, description="OTLP endpoint that traces are sent to")
    trace_share: float = Field(
        0.0, ge=0, le=1, description="share of chat messages that are followed from socket to socket"
    )
    server_name: str = Field("Social Flow", min_length=1, max_length=80, description="name shown on the page")

    # who may do what
    limit_loopback: bool = Field(False, description="apply the limits by address to loopback as well")

    # limits
    max_sockets: int = Field(20_000, ge=1, description="Socket.IO connections of this node")
    max_sockets_per_address: int = Field(200, ge=1, description="Socket.IO connections of one address (/64 for IPv6)")
    max_connections_per_address: int = Field(
        1_000,
        ge=1,
        description="HTTP connections of one address (/64 for IPv6), at most half of max_sockets, on one node",
    )
    max_sockets_per_account: int = Field(50, ge=1, description="Socket.IO connections of one account")
    max_sockets_per_staff_account: int = Field(
        50, ge=1, description="Socket.IO connections of one account of an admin or moderator"
    )
    max_guest_sockets: int = Field(20_000, ge=0, description="Socket.IO connections of guests on this node")
    connect_rate: float = Field(
        10_000.0, gt=0, le=1_000_000, description="Socket.IO connections a second; above it they wait for their turn"
    )
    max_payload_bytes: int = Field(1_000_000, ge=1_000, le=64_000_000, description="one Socket.IO payload")
    compress_sockets: bool = Field(
        True,
        description="WebSockets whose clients offer permessage-deflate get large messages to many compressed, and may "
        "compress what they send",
    )
    max_streams: int = Field(200, ge=1, description="live publishers of this node")
    max_whep_viewers: int = Field(1_000, ge=0, description="WebRTC viewers of this node")
    max_jobs: int = Field(16, ge=1, le=1_000, description="jobs that this node runs at once")
    max_encodings: int = Field(
        0, ge=0, le=1_000, description="streams of this node whose pictures are re-encoded at once; 0: one a processor"
    )
    transcode: Literal["auto", "off", "ladder"] = Field(
        "auto",
        description="smaller renditions of what is live: auto as each stream has it (on demand), off for none, ladder "
        "all the time where a stream does not say off",
    )
    max_ladders: int = Field(
        0,
        ge=0,
        le=1_000,
        description="streams of this node of which smaller renditions are made at once; 0: one a processor",
    )
    max_stages: int = Field(
        0, ge=0, le=100, description="stages that this node mixes at once; 0: one for every two processors"
    )
    max_offers_per_account: int = Field(
        20, ge=1, description="WHIP, and WHEP, offers of one account that wait to be connected, on one node"
    )
    max_offers_per_address: int = Field(
        50,
        ge=1,
        description="WHIP, and WHEP, offers of one address (/64 for IPv6) that wait to be connected, on one node",
    )
    max_players_per_address: int = Field(
        200,
        ge=1,
        description="HLS players and WHEP sessions of one address (/64 for IPv6) that are counted as viewers, "
        "on one node; more are served all the same",
    )
    max_rtmp_connections: int = Field(1_000, ge=1, description="RTMP connections of this node")
    max_rtmp_waiting_per_address: int = Field(
        64, ge=1, description="RTMP connections of one address (/64 for IPv6) that do not publish yet, on one node"
    )
    max_new_streams_per_hour: int = Field(
        300, ge=1, description="streams that one account may prepare in an hour; a third of it at once"
    )
    max_run_bytes: int = Field(1 << 30, ge=1 << 24, description="live segments kept in the run folder")
    chat_rate: float = Field(5.0, gt=0, le=10_000, description="chat messages a second of one person")
    chat_burst: int = Field(10, ge=1, le=10_000, description="chat messages at once of one person")
    reaction_rate: float = Field(20.0, gt=0, le=10_000, description="reactions a second of one person")
    reaction_burst: int = Field(100, ge=1, le=10_000, description="reactions at once of one person")
    moderation_rate: float = Field(10.0, gt=0, le=10_000, description="acts of moderation a second of one person")
    moderation_burst: int = Field(100, ge=1, le=10_000, description="acts of moderation at once of one person")
    owner_rate_factor: float = Field(
        1.0, gt=0, le=1_000, description="times those rates that the owner of a stream has in its room"
    )
    moderator_rate_factor: float = Field(1.0, gt=0, le=1_000, description="times those rates that moderators have")
    admin_rate_factor: float = Field(1.0, gt=0, le=1_000, description="times those rates that admins have")
    socket_event_rate: float = Field(50.0, gt=0, le=100_000, description="events a second of one socket")
    socket_event_burst: int = Field(200, ge=1, le=100_000, description="events at once of one socket")
    slate: Literal["auto", "off"] = Field(
        "auto",
        description="what viewers see while an interrupted stream waits: auto for a still picture, as each stream has "
        "it, off for nothing",
    )
    takeover: Literal["refuse", "newest"] = Field(
        "refuse",
        description="what becomes of a second publisher on a live key where the stream leaves it open: it is refused, "
        "or it takes over",
    )
    grace_s: float = Field(
        30.0, ge=0, le=3_600, description="seconds that an interrupted stream waits for its publisher"
    )

    @field_validator("webrtc_addresses", "allowed_origins", "trusted_proxies", "node_roles", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, list):
            return tuple(part.strip() for item in value for part in str(item).split(",") if part.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            network_of(one)
        return value

    @model_validator(mode="after")
    def _pairs(self) -> Settings:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both or neither")
        if self.wal_folder is not None and self.database_url is not None:
            raise ValueError("wal_folder is for the embedded Postgres: with database_url, use that one's own tools")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        secret_files = SecretFiles(settings_cls, prefix=ENV_PREFIX)
        return init_settings, secret_files, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def has_unnamed_proxy(self) -> bool:
        """Whether people come through a proxy that ``trusted_proxies`` doesn't name: all of them would share its
        address, and a proxy on this machine is left out of the limits by address.
        """
        url = urlsplit(self.public_url or "")
        host = url.hostname or "localhost"
        is_public = host != "localhost" and not is_loopback(host)
        is_reached_otherwise = _is_local(self.http_host) or (url.scheme == "https" and self.tls_cert is None)
        return is_public and is_reached_otherwise and not self.trusted_proxies

    @property
    def is_https(self) -> bool:
        """Whether people come over HTTPS, here or at a proxy."""
        return urlsplit(self.public_url or f"{self.scheme}:").scheme == "https"

    @property
    def scheme(self) -> str:
        return "https" if self.tls_cert else "http"

    @property
    def local_origin(self) -> str:
        """Where a server with these settings is reached from this machine."""
        return self._local_origin(self.http_port)

    def origin(self, http_port: int) -> str:
        """The address that people reach this server under. ``http_port``: the one that it listens on."""
        return (self.public_url or self._local_origin(http_port)).rstrip("/")

    def _local_origin(self, http_port: int) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.http_host, self.http_host)
        shown = f"[{host}]" if ":" in host else host
        return f"{self.scheme}://{shown}:{http_port}"


def load(argv: Sequence[str] = (), *, program: str = "socialflow") -> Settings:
    """The settings that flags, environment and file give together; raises ``ConfigError`` with all that is wrong.

    ``--help`` prints the flags and leaves with 0.
    """
    wrong = _unknown_environment()
    flags: CliSettingsSource[Any] | None = None
    try:
        flags = flags_source(argv, program=program)
    except ConfigError as error:
        wrong += error.lines
    try:
        settings = Settings(_cli_settings_source=flags)  # type: ignore[call-arg]  # taken by the base class
    except ValidationError as error:
        wrong += [_sentence(found) for found in error.errors(include_url=False)]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        wrong.append(f"{CONFIG_FILE} cannot be read: {error}")
    if wrong:
        raise ConfigError(wrong)
    return settings


def flags_source(argv: Sequence[str], *, program: str) -> CliSettingsSource[Any]:
    """What the flags give; raises ``ConfigError`` for one that there is not."""
    return CliSettingsSource[Any](Settings, cli_parse_args=list(argv), root_parser=_Flags(program))


def _is_local(host: str) -> bool:
    return host == "localhost" or is_loopback(host)


class _Flags(argparse.ArgumentParser):
    """The flags of every command: one line of usage; an unknown one is a ``ConfigError`` that names the likeliest."""

    def __init__(self, program: str) -> None:
        usage = f"{program} [--setting VALUE ...]"
        super().__init__(prog=program, usage=usage, description="Ports of 0 take a free one.", allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        unknown = next((word for word in message.split() if word.startswith("--")), None)
        if unknown is None or not message.startswith("unrecognized"):
            raise ConfigError([message])
        flag = unknown.partition("=")[0]
        raise ConfigError([f"{flag}: there is no such setting{did_you_mean(flag, self._option_string_actions)}"])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the name most like ``word``, else nothing."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _unknown_environment() -> list[str]:
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    files = {f"{ENV_PREFIX}{name.upper()}_FILE" for name, field in Settings.model_fields.items() if is_secret(field)}
    ours = sorted(name for name in os.environ if name.upper().startswith(ENV_PREFIX))
    return [_no_such(name, known, files) for name in ours if name.upper() not in known | files]


def _no_such(name: str, known: set[str], files: set[str]) -> str:
    if name.upper().removesuffix("_FILE") in known:
        return f"{name}: only secrets are read from files of their own"
    return f"{name}: there is no such setting{did_you_mean(name.upper(), known | files)}"


def _sentence(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"]) or "settings"
    if error["type"] == "extra_forbidden":
        return f"{name}: there is no such setting{did_you_mean(name, Settings.model_fields)}"
    if isinstance(error["input"], UnusableFile):
        return f"{name}: {error['input'].reason}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{name}: {message} (got {_shown(name, error['input'])})" if error["loc"] else message


def _shown(name: str, value: Any) -> str:
    """Without what is secret of it."""
    field = Settings.model_fields.get(name.partition(".")[0])
    return repr(masked(name, field, value) if field else value)
