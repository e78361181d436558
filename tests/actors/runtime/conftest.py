from __future__ import annotations

import pytest

from actors.runtime import ManualClock
from tests.actors.runtime.sample_actors import Stage


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def stage() -> Stage:
    return Stage()
