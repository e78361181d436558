"""The run folder: append-only files with an age and a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.hls.folder import RunFolder


def finished(folder: RunFolder, name: str, *, at: float, size: int = 10, pinned: bool = False) -> None:
    folder.append(name, bytes(size))
    folder.finish(name, at=at, is_pinned=pinned)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(path=tmp_path / "run", max_bytes=100, keep_s=60)


def test_append_tells_where_the_bytes_lie(folder):
    assert [folder.append("v/1/0.m4s", b"abc"), folder.append("v/1/0.m4s", b"de")] == [0, 3]
    assert folder.finish("v/1/0.m4s", at=0, is_pinned=False) == 5
    assert (folder.path / "v/1/0.m4s").read_bytes() == b"abcde"


def test_what_is_appended_can_be_read_before_the_file_is_finished(folder):
    folder.append("v/1/0.m4s", b"abc")
    assert (folder.path / "v/1/0.m4s").read_bytes() == b"abc"


def test_files_go_when_they_are_old(folder):
    finished(folder, "v/1/0.m4s", at=0)
    finished(folder, "v/1/1.m4s", at=30)
    assert folder.trim(61) == [("v/1/0.m4s", False)]
    assert folder.trim(61, keep_s=5) == []
    assert folder.bytes == 10


def test_longer_age_can_be_asked_for(folder):
    finished(folder, "v/1/0.m4s", at=0)
    assert folder.trim(61, keep_s=120) == []


def test_pinned_files_wait_for_their_release(folder):
    finished(folder, "v/1/0.m4s", at=0, pinned=True)
    assert folder.trim(500) == []
    folder.release("v/1/0.m4s")
    assert folder.trim(500) == [("v/1/0.m4s", False)]
    folder.release("v/1/0.m4s")


def test_beyond_the_bound_the_oldest_goes_even_if_pinned(folder):
    for n in range(12):
        finished(folder, f"v/1/{n}.m4s", at=n, pinned=n == 0)
    assert folder.trim(12) == [("v/1/0.m4s", True), ("v/1/1.m4s", False)]
    assert (folder.bytes, folder.lost_files) == (100, 1)


def test_files_of_an_earlier_process_are_taken_over(folder, tmp_path):
    finished(folder, "v/1/0.m4s", at=0)
    folder.append("v/1/1.m4s", b"unfinished")
    folder.close()
    heir = RunFolder(path=tmp_path / "run", max_bytes=100, keep_s=60)
    assert heir.bytes == 20
    assert len(heir.trim(1e12)) == 2
    assert list(heir.path.rglob("*.m4s")) == []


def test_remove_leaves_nothing(folder):
    finished(folder, "v/1/0.m4s", at=0)
    folder.append("v/1/1.m4s", b"open")
    folder.put("v/1/init-0.mp4", b"init")
    folder.remove()
    folder.remove()
    assert not folder.path.exists()
