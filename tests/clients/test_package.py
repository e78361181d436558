"""What the wheel of the Python client needs, and what it does not."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "clients/python"
NAMES = {"python-socketio": "socketio"}


def imported(module: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(module.read_text())))
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in named}


def test_it_imports_what_its_wheel_asks_for_and_nothing_of_the_server() -> None:
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    asked = {re.split("[<>=]", one)[0] for one in project["dependencies"]}
    of_others = set().union(*(imported(module) for module in (FOLDER / "socialflow_client").glob("*.py")))
    of_others -= {*sys.stdlib_module_names, "socialflow_client"}
    assert of_others == {NAMES.get(name, name) for name in asked}


def test_it_says_that_it_is_typed() -> None:
    assert (FOLDER / "socialflow_client/py.typed").exists()
