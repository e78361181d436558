from __future__ import annotations

from pathlib import Path

import pytest

from tests.media.hls.muxed import Stream


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    stream = Stream(tmp_path / "run")
    stream.publish()
    return stream
