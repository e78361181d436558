"""``socialflow config show`` and ``socialflow check-config``: what the settings are, from where, and what is wrong."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

from server.config import CONFIG_FILE, ENV_PREFIX, ConfigError, Settings, flags_source, load
from server.diagnostics.diagnose import findings, report
from server.diagnostics.findings import Finding, fine, note, problem
from server.secret_files import AT_AWS, SecretFiles, is_secret, masked

USAGE: Final = "usage: socialflow config show [--origin] [--setting VALUE ...]"
# Made by the server where they are missing, or looked at as a pair.
LOOKED_AT_ELSEWHERE: Final = frozenset({"data_dir", "run_dir", "tls_cert", "tls_key"})
NEEDS_NO_ENGINE: Final = ("tls", "proxy")
DEFAULT: Final = "default"


def show(argv: Sequence[str]) -> int:
    """Prints each setting as ``socialflow.toml`` has it, secrets left out; raises ``ConfigError`` for bad settings."""
    if not argv or argv[0] != "show":
        is_asked = bool(argv) and argv[0] in ("--help", "-h")
        print(f"{USAGE}\n", file=sys.stdout if is_asked else sys.stderr)
        if is_asked:
            raise SystemExit(0)
        return 2
    rest = [word for word in argv[1:] if word != "--origin"]
    settings = load(rest, program="socialflow config show [--origin]")
    origins = origins_of(rest) if len(rest) < len(argv) - 1 else {}
    print("\n".join(_lines(settings, origins)))
    return 0


def check(argv: Sequence[str]) -> int:
    """Prints all that is wrong with the settings, and with the files that they name; 1 when something is."""
    program = "socialflow check-config"
    try:
        settings = load(argv, program=program)
    except ConfigError as error:
        report([problem("settings", line, "`socialflow serve --help` lists them") for line in error.lines])
        return 1
    found = [_counted(argv), *_files(settings), *asyncio.run(findings(settings, *NEEDS_NO_ENGINE))]
    report(found)
    return 1 if any(one.state == "problem" for one in found) else 0


def origins_of(argv: Sequence[str]) -> dict[str, str]:
    """Where each setting that is not left at its default comes from, in words."""
    secrets = SecretFiles(Settings, prefix=ENV_PREFIX)
    found = dict.fromkeys(TomlConfigSettingsSource(Settings)(), f"file {Path(CONFIG_FILE).absolute()}")
    found |= {name: f"environment {_variable(name)}" for name in EnvSettingsSource(Settings)()}
    found |= {name: f"{_kept(secrets.path_of(name) or '')} by {_variable(name)}_FILE" for name in secrets()}
    found |= {name: f"flag --{name.replace('_', '-')}" for name in flags_source(argv, program="socialflow")()}
    return found


def _kept(place: str) -> str:
    return f"AWS secret {place.removeprefix(AT_AWS)}" if place.startswith(AT_AWS) else f"secret file {place}"


def _variable(name: str) -> str:
    return f"{ENV_PREFIX}{name.upper()}"


def _lines(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    """Valid TOML: what is not set, and what has something secret in it, are comments."""
    lines = {name: _line(name, getattr(settings, name)) for name in Settings.model_fields}
    width = min(60, max(map(len, lines.values()))) if origins else 0
    for name, line in lines.items():
        yield f"{line:<{width}}  # {origins.get(name, DEFAULT)}" if origins else line


def _line(name: str, value: Any) -> str:
    field = Settings.model_fields[name]
    shown = masked(name, field, value)
    if value is None:
        return f"# {name} is not set"
    return f"{'# ' if shown != value else ''}{name} = {_toml(shown)}"


def _toml(value: Any) -> str:
    """A string of JSON is one of TOML, but for DEL, which TOML wants escaped."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str | Path):
        return json.dumps(str(value)).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _counted(argv: Sequence[str]) -> Finding:
    kinds = Counter(origin.partition(" ")[0] for origin in origins_of(argv).values())
    given = ", ".join(f"{count} by {kind}" for kind, count in sorted(kinds.items()))
    return fine("settings", f"{len(Settings.model_fields)}, all at their defaults" if not given else f"given: {given}")


def _files(settings: Settings) -> Iterator[Finding]:
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path) and name not in LOOKED_AT_ELSEWHERE:
            yield from _unreadable(name, value)
    yield from _open_to_all()


def _unreadable(name: str, path: Path) -> Iterator[Finding]:
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.open("rb").close()
    except OSError as error:
        yield problem(name, f"{path}: {error.strerror}", f"give a file that is there to {name}, or leave it out")


def _open_to_all() -> Iterator[Finding]:
    """Secrets in a ``socialflow.toml`` that every account of the machine may read."""
    path = Path(CONFIG_FILE)
    if not path.exists() or not path.stat().st_mode & 0o004:
        return
    held = [name for name in TomlConfigSettingsSource(Settings)() if is_secret(Settings.model_fields[name])]
    if held:
        says = f"{CONFIG_FILE} holds {', '.join(held)}, and every account of this machine may read it"
        yield note("secrets", says, f"chmod o-r {CONFIG_FILE}")
