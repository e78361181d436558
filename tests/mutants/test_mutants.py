from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.modules import MODULES
from tests.mutants.mutate import mutants
from tests.mutants.run import ROOT, RunError, survivors
from tests.mutants.survivors import SURVIVORS

LIMIT = "def may(n: int) -> bool:\n    return 0 < n <= 3\n"


def names(code: str) -> list[str]:
    return [mutant.name for mutant in mutants(ast.parse(code))]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("a < b", "module: a < b -> a <= b"),
        ("a is None", "module: a is None -> a is not None"),
        ("a and b or c", "module: a and b -> a or b"),
        ("not a", "module: not a -> not not a"),
        ("a - b", "module: a - b -> a + b"),
        ("-a", "module: -a -> +a"),
        ("a += b", "module: a += b -> a -= b"),
        ("a = 3", "module: a = 3 -> a = 4"),
        ("a = 0.1", "module: a = 0.1 -> a = 0.15"),
        ("def f(a=False): pass", "f: a=False -> a=True"),
        ("class A:\n    def f(self):\n        return a > b", "A.f: a > b -> a >= b"),
    ],
)
def test_comparisons_constants_connectives_and_signs_are_changed(code: str, name: str) -> None:
    assert name in names(code)


def test_types_texts_and_options_of_a_class_are_left() -> None:
    assert names('class A(B, frozen=True):\n    """It."""\n\n    a: Literal[1] = "b"\n') == []


def test_each_mutant_has_a_name_of_its_own_and_is_one_change() -> None:
    tree = ast.parse("a < b\na < b\n")
    first, second = mutants(tree)
    assert (first.name, second.name) == ("module: a < b -> a <= b", "module: a < b -> a <= b (number 2)")
    second.apply()
    assert ast.unparse(tree) == "a < b\na <= b"


def tried(folder: Path, asserts: str) -> list[str]:
    """The survivors of a module with a limit, under a test that asserts this."""
    module, test = folder / "bounds.py", folder / "test_bounds.py"
    module.write_text(LIMIT)
    test.write_text(f"from bounds import may\n\ndef test_may():\n    assert {asserts}\n")
    tree = ast.parse(LIMIT)
    command = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]; from tests.mutants.test_mutants import *; "
    command += f"[print(name) for name in alive(Path({str(module)!r}), {str(test)!r})]"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len(mutants(tree)) == 4
    return done.stdout.splitlines()


def alive(module: Path, test: str) -> list[str]:
    tree = ast.parse(LIMIT)
    try:
        return sorted(survivors(module, tree, mutants(tree), [test], 2))
    except RunError as error:
        return [str(error)]


def test_a_mutant_that_no_test_notices_is_told_and_one_that_is_noticed_is_not(tmp_path: Path) -> None:
    assert tried(tmp_path, "not may(0) and may(1) and may(3) and not may(4)") == []
    assert tried(tmp_path, "not may(0) and may(1)") == ["may: 0 < n <= 3 -> 0 < n < 3", "may: 0 < n <= 3 -> 0 < n <= 4"]


def test_tests_that_fail_without_a_mutant_are_no_answer(tmp_path: Path) -> None:
    assert tried(tmp_path, "may(0)") == [f"the tests fail as they are: {tmp_path}/test_bounds.py"]


def test_every_survivor_that_is_named_is_a_mutant_of_its_module() -> None:
    assert SURVIVORS.keys() <= MODULES.keys()
    for module, reasons in SURVIVORS.items():
        assert reasons.keys() <= set(names((ROOT / module).read_text())), module
        assert all(reasons.values())


def test_a_sample_of_the_mutants_of_the_rules_of_chat_is_noticed() -> None:
    command = [sys.executable, "-m", "tests.mutants", "actors/chat_rules.py", "--sample", "12"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
