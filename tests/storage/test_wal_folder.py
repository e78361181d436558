"""What is kept of the past, and what goes."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.embedded.wal_copy import DAMAGED, MAX_WAITING, fetch, keep
from storage.embedded.wal_folder import WalFolder, kept_after, segment_name, stamped

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LIVES = ("20260601T000000.000000Z-00aa", "20260628T000000.000000Z-00bb", "20260601T000000.000000Z-00cc")


def base(life: Path, at: datetime, *, start: int) -> Path:
    """One that needs the segment ``start`` and no other."""
    folder = life / stamped(at)
    folder.mkdir(parents=True)
    position = f"0/{start << 24:X}"
    ranges = [{"Timeline": 1, "Start-LSN": position, "End-LSN": f"0/{(start << 24) + 300:X}"}]
    (folder / "backup_manifest").write_text(json.dumps({"WAL-Ranges": ranges}))
    return folder


def segments(life: Path, *numbers: int) -> None:
    (life / "wal").mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (life / "wal" / f"{segment_name(1, number)}.gz").touch()


def numbers(life: Path) -> list[int]:
    return sorted(int(path.name[8:24], 16) & 0xFF for path in (life / "wal").glob("*.gz"))


def test_bases_and_wal_that_no_moment_of_the_days_kept_needs_are_removed(tmp_path: Path) -> None:
    ended, life, without_base = (tmp_path / name for name in LIVES)
    segments(ended, 1, 2)
    segments(without_base, 1)
    segments(life, *range(1, 9))
    gone = base(ended, NOON - timedelta(days=9), start=1)
    old = base(life, NOON - timedelta(days=3), start=2)
    needed = base(life, NOON - timedelta(days=2), start=4)
    young = base(life, NOON, start=7)
    (life / "base-20260701T110000.000000Z").mkdir()
    (tmp_path / "of somebody else").mkdir()
    wal = WalFolder(tmp_path)
    assert [made.folder for made in wal.bases()] == [gone, old, needed, young]
    wal.sweep(keep_from=NOON - timedelta(days=1))
    assert [made.folder for made in wal.bases()] == [needed, young]
    assert numbers(life) == [4, 5, 6, 7, 8]
    assert sorted(path.name for path in tmp_path.iterdir()) == [life.name, "of somebody else"]


def test_a_missing_segment_is_found_and_what_a_base_holds_itself_is_not_missed(tmp_path: Path) -> None:
    base(tmp_path / LIVES[0], NOON, start=255)
    segments(tmp_path / LIVES[0], 256, 257)
    (made,) = WalFolder(tmp_path).bases()
    assert (kept_after(made).last, kept_after(made).missing) == (segment_name(1, 257), "")
    segments(tmp_path / LIVES[0], 259)
    assert kept_after(made).missing == "000000010000000100000002"


def test_a_segment_is_kept_once_and_one_that_differs_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    segment = tmp_path / segment_name(1, 1)
    segment.write_bytes(b"a" * 1_000)
    assert [keep(segment, tmp_path / "kept"), keep(segment, tmp_path / "kept")] == [0, 0]
    segment.write_bytes(b"b" * 1_000)
    assert keep(segment, tmp_path / "kept") == 1
    assert fetch(tmp_path / "kept", segment.name, tmp_path / "back") == 0
    assert (tmp_path / "back").read_bytes() == b"a" * 1_000
    assert fetch(tmp_path / "kept", segment_name(1, 2), tmp_path / "back") == 1
    kept = tmp_path / "kept" / f"{segment.name}.gz"
    kept.write_bytes(gzip.compress(b"a" * 1_000)[:-3])
    assert fetch(tmp_path / "kept", segment.name, tmp_path / "back") == DAMAGED


def test_what_cannot_be_kept_waits_until_it_would_fill_the_servers_disk(tmp_path: Path) -> None:
    waiting = tmp_path / "archive_status"
    waiting.mkdir()
    segment = tmp_path / segment_name(1, 1)
    segment.write_bytes(b"a")
    assert keep(segment, tmp_path / "away") == 1
    for number in range(MAX_WAITING + 1):
        (waiting / f"{segment_name(1, number)}.ready").touch()
    assert keep(segment, tmp_path / "away") == 0
