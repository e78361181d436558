"""Where the past of an embedded Postgres is kept: base backups, and every segment of WAL since.

::

    <folder>/<life>/base-20260701T123000.250000Z/{base.tar.gz,backup_manifest}   the name says when it was whole
    <folder>/<life>/wal/000000010000000000000007.gz

A *life* is a database from its first start, or from its restore, on. Each has names of its own, so that what follows a
restore never meets the WAL of the time that was given up, and both can be gone back to.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from storage.embedded import wal_copy
from storage.process import Account

LIFE: Final = "socialflow_life"
"""The file in Postgres' own folder that names its life."""
SEGMENT_BYTES: Final = 1 << 24
HALF_MADE_S: Final = 86_400.0
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
_LIFE: Final = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-[0-9a-f]{4}")
_SEGMENT: Final = re.compile(r"([0-9A-F]{24})\.gz")


@dataclass(frozen=True, kw_only=True)
class Base:
    """One base backup. ``segments``: the first segment of WAL that it needs, and the first one beyond what it holds."""

    folder: Path
    at: datetime
    timeline: int
    segments: tuple[int, int]

    @property
    def wal(self) -> Path:
        return self.folder.parent / "wal"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The segments that follow a base without a gap, and the first that is missing before later ones, if any."""

    last: str
    missing: str


class WalFolder:
    """The folder ``wal_folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def adopt(self, data: Path, account: Account, now: datetime) -> Path:
        """The folder of this database's life, made where it has none. Raises ``OSError``."""
        note = data / LIFE
        if not note.exists():
            part = note.with_suffix(".part")
            part.write_text(f"{now.strftime(_STAMP)}-{secrets.token_hex(2)}\n")
            account.own(part)
            part.replace(note)
        life = self.life(data)
        for folder in (self.folder, life, life / "wal"):
            folder.mkdir(mode=0o700, exist_ok=True, parents=True)
            account.own(folder)
        return life

    def life(self, data: Path) -> Path:
        """Of a database that was started with this folder. Raises ``OSError`` for another."""
        try:
            return self.folder / (data / LIFE).read_text().strip()
        except FileNotFoundError:
            raise OSError(f"{data} was started without wal_folder: stop it, and start it with it") from None

    def bases(self) -> list[Base]:
        """Of all lives, the oldest first; what was cut short is none."""
        found = [base for path in self.folder.glob("*/base-*Z") if (base := _base(path)) is not None]
        return sorted(found, key=lambda base: base.at)

    def sweep(self, *, keep_from: datetime) -> None:
        """Remove the bases that no moment since ``keep_from`` needs, and the WAL before the oldest one of each life.

        Called after a base of the life that goes on was made: a life without any is one that ended early.
        """
        bases = self.bases()
        before = [base for base in bases if base.at <= keep_from]
        for base in before[:-1]:
            shutil.rmtree(base.folder)
        kept = before[-1:] + bases[len(before) :]
        for life in self._lives(begun_before=keep_from) | {base.folder.parent for base in bases}:
            _sweep_life(life, [base for base in kept if base.folder.parent == life])

    def _lives(self, *, begun_before: datetime) -> set[Path]:
        names = {path: _LIFE.fullmatch(path.name) for path in self.folder.iterdir()}
        return {path for path, found in names.items() if found and _time(found[1]) < begun_before}


def newest(bases: list[Base], life: Path) -> datetime | None:
    """When the newest base of a life was whole."""
    return max((base.at for base in bases if base.folder.parent == life), default=None)


def stamped(now: datetime) -> str:
    """The name of a base that is whole now."""
    return f"base-{now.strftime(_STAMP)}"


def kept_after(base: Base) -> Kept:
    """What of the WAL of its life follows it."""
    names = {found[1] for path in base.wal.glob("*.gz") if (found := _SEGMENT.fullmatch(path.name))}
    number = base.segments[1]
    while segment_name(base.timeline, number) in names:
        number += 1
    later = any(name > segment_name(base.timeline, number) for name in names)
    return Kept(
        last=segment_name(base.timeline, number - 1), missing=segment_name(base.timeline, number) if later else ""
    )


def segment_name(timeline: int, number: int) -> str:
    return f"{timeline:08X}{number >> 8:08X}{number & 0xFF:08X}"


def archive_settings(life: Path) -> dict[str, str]:
    """What has Postgres keep each segment, a minute after it was begun at the latest."""
    return {
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_timeout": "60",
        "archive_command": _command("keep", '"%p"', _quoted(life / "wal")),
    }


def recovery_settings(base: Base, to: datetime | None) -> dict[str, str]:
    """What has Postgres replay up to a moment, or all that is kept, and begin from there."""
    settings = {
        "restore_command": _command("fetch", _quoted(base.wal), "%f", '"%p"'),
        "recovery_target_timeline": "current",
        "recovery_target_action": "promote",
        "archive_mode": "off",
        "hot_standby": "off",
    }
    return settings if to is None else {**settings, "recovery_target_time": to.isoformat()}


def reached(folder: Path) -> list[Path]:
    """What the account that Postgres runs under must be able to enter for these settings: ``wal_copy`` runs as it."""
    folders = (folder.absolute(), *folder.absolute().parents)
    programs = (Path(sys.executable), Path(sys.executable).resolve(), Path(wal_copy.__file__))
    return [next(one for one in folders if one.exists()), *(program.parent for program in programs)]


def _command(*words: str) -> str:
    return " ".join([_quoted(Path(sys.executable)), "-I", "-S", _quoted(Path(wal_copy.__file__)), *words])


def _quoted(path: Path) -> str:
    """For the shell, and for Postgres, which takes %% for a percent sign."""
    return "'" + str(path).replace("'", "'\\''").replace("%", "%%") + "'"


def _base(folder: Path) -> Base | None:
    try:
        at = _time(folder.name.removeprefix("base-"))
        wal = json.loads((folder / "backup_manifest").read_bytes())["WAL-Ranges"][0]
        first, end = _position(wal["Start-LSN"]), _position(wal["End-LSN"])
        segments = first // SEGMENT_BYTES, (end - 1) // SEGMENT_BYTES + 1
        return Base(folder=folder, at=at, timeline=int(wal["Timeline"]), segments=segments)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def _time(stamp: str) -> datetime:
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)


def _position(told: str) -> int:
    """In bytes, of ``0/2000028``."""
    high, _, low = told.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def _sweep_life(life: Path, kept: list[Base]) -> None:
    """A life of which nothing is kept goes as a whole, and what a kill has left half made after a day."""
    if not kept:
        shutil.rmtree(life)
        return
    for part in life.glob("base.*.part"):
        if part.stat().st_mtime < time.time() - HALF_MADE_S:
            shutil.rmtree(part, ignore_errors=True)
    first = segment_name(kept[0].timeline, kept[0].segments[0])
    for path in (life / "wal").iterdir():
        if not path.name.startswith(".") and path.name[:24] < first:
            path.unlink(missing_ok=True)
