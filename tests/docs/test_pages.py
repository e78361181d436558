"""What the documentation names is there: headings that links lead to, commands with their options, targets of make."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from server.cli import COMMANDS
from tests.docs.markdown import PAGES, ROOT, anchors, commands, links

SITE = ROOT / "deploy/site/mkdocs.yml"
LONG_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_leads_to_a_heading_that_is_there(path: Path) -> None:
    text = path.read_text()
    there = [(path.parent / target if target else path, anchor) for target, anchor in links(text) if anchor]
    assert not [f"{named(page.resolve())}#{one}" for page, one in there if one not in anchors(page.read_text())]


def test_headings_have_the_anchors_that_github_gives_them() -> None:
    page = "# A `code` heading: two, words\n\n```sh\n# none\n```\n\n## Same\n\n## Same\n\n## [Linked](there.md) — so\n"
    assert anchors(page) == {"a-code-heading-two-words", "same", "same-1", "linked--so"}


def called(word: str) -> list[tuple[str, list[str]]]:
    """Page and words after it, of each command that begins with the word."""
    found = []
    for path in PAGES:
        for line in commands(path.read_text()):
            for command in re.split(r"&&|\|\||;|\|", line):
                words = command.split("#")[0].split()
                if words and words[0].rpartition("/")[2] == word:
                    found.append((named(path), words[1:]))
    return found


@cache
def help_of(command: str) -> str:
    env = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "server", command, "--help"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_every_command_of_the_program_that_is_named_is_one() -> None:
    there = {*COMMANDS, "--version"}
    lines = [(page, words) for page, words in called("socialflow") if words]
    assert len(lines) > 20
    assert not [(page, words) for page, words in lines if words[0] not in there]


def test_every_option_of_a_command_is_one() -> None:
    lines = [(page, words) for page, words in called("socialflow") if words and words[0] in COMMANDS]
    named_so = {(page, words[0], option) for page, words in lines for option in LONG_OPTION.findall(" ".join(words))}
    assert len(named_so) > 8
    assert not [one for one in named_so if one[2] not in help_of(one[1])]


def test_every_target_of_make_that_is_named_is_one() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    lines = called("make")
    assert len(lines) > 8
    targets = {(page, word) for page, words in lines for word in words if re.fullmatch(r"[a-z][a-z-]*", word)}
    assert not {one for one in targets if one[1] not in phony.split()}


class Configuration(yaml.SafeLoader):
    """MkDocs names functions of Python in its own; here they stay names."""


Configuration.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda loader, name, node: name)


def test_every_page_is_reached_from_the_menu_of_the_site() -> None:
    def pages(entry: object) -> set[str]:
        if isinstance(entry, str):
            return {entry}
        inner = entry.values() if isinstance(entry, dict) else entry
        assert not isinstance(inner, str)
        return set().union(*map(pages, inner))  # type: ignore[call-overload]

    menu = pages(yaml.load(SITE.read_text(), Configuration)["nav"])
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= menu
    outside = {page for page in menu if not (ROOT / "docs" / page).exists() and not page.startswith("reference/")}
    assert outside == {page for page in outside if (ROOT / page).exists()}
