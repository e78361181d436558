"""The image, built once for all tests of this folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.image.building import Store, built
from tests.image.container import Root
from tests.tools import needs

NAME = "socialflow:test"
PROGRAMS = ("buildah", "debootstrap", "unshare")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    there = all(shutil.which(program) for program in PROGRAMS)
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(needs(there, "buildah or debootstrap"))


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="socialflow-built-", dir="/var/tmp") as folder:
        yield built(Path(folder), NAME)


@pytest.fixture(scope="session")
def described(store: Store) -> dict[str, Any]:
    """What the image says of itself."""
    said: dict[str, Any] = json.loads(store.buildah("inspect", "--type", "image", NAME))["Docker"]
    return said


@pytest.fixture(scope="session")
def root(store: Store, described: dict[str, Any]) -> Iterator[Root]:
    with store.root_of(NAME) as tree, tempfile.TemporaryDirectory(dir="/var/tmp") as volumes:
        yield Root(tree, described["config"], Path(volumes))
