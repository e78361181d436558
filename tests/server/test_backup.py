"""What `socialflow restore` says of a file that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.backup import bring_back
from server.config import Settings


async def test_a_backup_that_is_not_there_is_named_in_words_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "kept.tar"
    assert await bring_back(Settings(data_dir=tmp_path / "data"), missing) == 1
    assert capsys.readouterr().err == f"socialflow: {missing}: No such file or directory\n"
