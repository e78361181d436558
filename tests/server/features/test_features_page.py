"""``docs/features.md``: its steps make a feature that works."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from storage.postgres import Database
from tests.server.kit import Kit

PAGE = Path(__file__).parents[3] / "docs/features.md"
BLOCK = re.compile(r"^```python\n# (\S+)\.py\n(.*?)^```", re.M | re.S)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The files of the page as modules, by their last name; they may import one another."""
    made: dict[str, ModuleType] = {}
    for path, source in BLOCK.findall(PAGE.read_text()):
        name = path.replace("/", ".")
        parent, _, last = name.rpartition(".")
        if parent not in sys.modules:
            package = ModuleType(parent)
            package.__path__ = []
            monkeypatch.setitem(sys.modules, parent, package)
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(sys.modules[parent], last, module, raising=False)
        exec(compile(source, f"{PAGE}: {path}", "exec"), module.__dict__)
        made[last] = module
    return made


async def test_the_steps_make_a_feature_whose_tests_pass(
    kit: Kit, database: Database, steps: dict[str, ModuleType]
) -> None:
    tests = [one for name, one in vars(steps["test_greetings"]).items() if name.startswith("test_")]
    assert tests
    assert all(inspect.iscoroutinefunction(one) for one in tests)
    await database.execute(steps["m9001_greetings"].SQL)
    try:
        for one in tests:
            await database.execute("delete from users")  # no truncate: readers of this node would deadlock with it
            await one(kit)
    finally:
        await database.execute("drop table greetings")
