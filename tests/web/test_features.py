"""The features of the page: each folder is one, listed, and none needs another that needs it."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

FEATURES = Path(__file__).parents[2] / "server/web/src/features"
IMPORT_OF_ANOTHER = re.compile(r"""from ["']\.\./(?:\.\./features/)?([a-z-]+)/""")
LISTED = re.compile(r'^import \{ (\w+) \} from "\./([a-z-]+)";$', re.MULTILINE)


def folders() -> set[str]:
    return {one.name for one in FEATURES.iterdir() if one.is_dir()}


def needs(feature: str) -> set[str]:
    """The features whose files its files import."""
    sources = [path for path in (FEATURES / feature).rglob("*") if path.suffix in {".ts", ".tsx"}]
    return {name for path in sources for name in IMPORT_OF_ANOTHER.findall(path.read_text())} & folders()


def test_every_folder_is_a_feature_of_the_list() -> None:
    index = (FEATURES / "index.ts").read_text()
    imported = {folder: name for name, folder in LISTED.findall(index)}
    (listed,) = re.findall(r"features: readonly Feature\[\] = \[(.*?)\];", index, re.DOTALL)
    assert folders() == set(imported)
    assert sorted(re.findall(r"\w+", listed)) == sorted(imported.values())


def test_no_feature_needs_one_that_needs_it() -> None:
    order = list(TopologicalSorter({name: needs(name) for name in folders()}).static_order())
    assert set(order) == folders()


def test_needs_are_found() -> None:
    assert "player" in needs("watch")
