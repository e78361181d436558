"""Runs a module's tests against each of its mutants, in forked children of a process that has imported the packages.

A child imports the project's modules anew, the mutated one among them, runs pytest up to the first failure and ends.
It is ended by the kernel when it runs or waits for far longer than the tests need, or takes too much memory.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import itertools
import os
import resource
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis
import pytest

from tests.mutants.mutate import Mutant

ROOT = Path(__file__).resolve().parents[2]
#: A child's bounds. The tests of one module take one to three seconds of processor time.
MAX_CPU_S = 20
MAX_WAIT_S = 120
MAX_MEMORY_BYTES = 4 << 30
_PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "--no-header", "--no-summary", "--rootdir", str(ROOT))
_TESTS_FAILED = {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR}


class RunError(Exception):
    """The tests say nothing about mutants: they fail without one, or there are none."""


class _Finder(importlib.abc.MetaPathFinder):
    """Loads the module of ``path`` from a tree instead of from its file."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        self._path = path
        self._tree = tree

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        found = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if found is None or found.origin is None or Path(found.origin) != self._path:
            return None
        code = compile(ast.fix_missing_locations(self._tree), found.origin, "exec")
        return importlib.util.spec_from_file_location(fullname, loader=_Loader(fullname, found.origin, code))


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, code: CodeType) -> None:
        super().__init__(fullname, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


def survivors(
    module: Path, tree: ast.Module, chosen: Iterable[Mutant], tests: Sequence[str], jobs: int
) -> Iterator[str]:
    """The names of those of ``chosen``, mutants of the module's ``tree``, that its tests do not notice.

    Raises ``RunError``.
    """
    _warm_up(tests)
    running: dict[int, Mutant] = {}
    waiting = iter(chosen)
    while True:
        for mutant in itertools.islice(waiting, jobs - len(running)):
            running[_fork(tests, module, tree, mutant)] = mutant
        if not running:
            return
        pid, status = os.wait()
        mutant = running.pop(pid)
        if not _is_killed(status):
            yield mutant.name


def _is_killed(status: int) -> bool:
    code = os.waitstatus_to_exitcode(status)
    if code not in {0, *_TESTS_FAILED} and code > 0:
        raise RunError(f"pytest ended with {code}")
    return code != 0


def _warm_up(tests: Sequence[str]) -> None:
    """See the tests pass without a mutant, and import here what they import of other people's packages."""
    reader, writer = os.pipe()
    pid = _fork(tests, tell=writer)
    os.close(writer)
    with os.fdopen(reader) as told:
        names = told.read().split()
    if os.waitpid(pid, 0)[1] != 0:
        raise RunError(f"the tests fail as they are: {' '.join(tests)}")
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _fork(
    tests: Sequence[str],
    module: Path | None = None,
    tree: ast.Module | None = None,
    mutant: Mutant | None = None,
    *,
    tell: int | None = None,
) -> int:
    """A child that ends with pytest's exit code; it writes the packages that it has imported to ``tell``."""
    pid = os.fork()
    if pid:
        return pid
    code = 70  # of a fault of this file
    try:
        if module is not None and tree is not None and mutant is not None:
            mutant.apply()
            sys.meta_path.insert(0, _Finder(module, tree))
        code = _run(tests)
        if tell is not None:
            os.write(tell, " ".join(_packages()).encode()[:60_000])
    except MemoryError:  # pytest could not even say so
        code = int(pytest.ExitCode.TESTS_FAILED)
    finally:
        os._exit(code)


def _run(tests: Sequence[str]) -> int:
    signal.alarm(MAX_WAIT_S)
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # a failure need not be made small
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None, phases=phases)
    hypothesis.settings.load_profile("mutants")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(pytest.main([*_PYTEST, *tests]))


def _packages() -> list[str]:
    """What is imported of the standard library and of installed packages, but nothing of the project."""
    installed = (f"{sys.base_prefix}/", f"{sys.prefix}/")
    return [name for name, module in list(sys.modules.items()) if _file(module).startswith(installed)]


def _file(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or ""
