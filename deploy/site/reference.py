"""Writes the pages of the reference that a server, started for it, tells of itself: ``reference.py FOLDER``.

api.md is made of /openapi.json, metrics.md of /metrics, errors.md of both descriptions and of the program's own text,
which names the errors that it answers with.
"""

from __future__ import annotations

import ast
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from server.http.errors import TITLES

SERVER: Final = Path(__file__).resolve().parents[2]
ROOMS: Final = ("server", "actors", "storage")
METHODS: Final = ("get", "post", "put", "patch", "delete", "options")
WITHIN_S: Final = 120.0


def api(document: dict[str, Any]) -> str:
    """A table of the operations of each tag, in the order of their paths."""
    tags: dict[str, list[str]] = defaultdict(list)
    for path, methods in sorted(document["paths"].items()):
        for method in METHODS:
            if (operation := methods.get(method)) is not None:
                tags[operation["tags"][0]].append(_operation(method, path, operation))
    parts = [
        f"## {tag}\n\n| call | does | answers |\n| --- | --- | --- |\n" + "".join(rows)
        for tag, rows in sorted(tags.items())
    ]
    head = "# API\n\nAll calls, by what they are about. A server shows each with its fields at `/docs`.\n\n"
    return head + "\n".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    answers = ", ".join(f"{status}" for status in operation["responses"])
    return f"| `{method.upper()} {path}` | {_cell(operation['summary'])} | {answers} |\n"


def metrics(text: str) -> str:
    """A table of the families that /metrics has, by name."""
    rows = [
        f"| `{_exposed(family.name, family.type)}` | {family.type} | {_cell(family.documentation)} |\n"
        for family in sorted(text_string_to_metric_families(text), key=lambda one: one.name)
    ]
    head = "# Metrics\n\nWhat `/metrics` tells, as Prometheus reads it.\n\n"
    return head + "| metric | kind | what it is |\n| --- | --- | --- |\n" + "".join(rows)


def _exposed(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name


def errors(sources: Iterable[str]) -> str:
    """Two tables: problems of HTTP, by slug, and refusals of events, by code."""
    problems = {slug: ({status}, title) for status, (slug, title) in TITLES.items()}
    codes: dict[str, str] = {}
    for source in sources:
        tree = ast.parse(source)
        for slug, status, detail in _problems(tree):
            problems.setdefault(slug, (set(), detail))[0].add(status)
        for code, message in _refusals(tree):
            codes[code] = codes.get(code) or message
    head = (
        "# Error codes\n\nOver HTTP errors are problem details (RFC 9457): `type` ends with the name, `status` is as\n"
        "below, `detail` says what is wrong with this request, `errors` names its wrong fields.\n\n"
    )
    http = [
        f"| `{slug}` | {', '.join(map(str, sorted(statuses)))} | {_cell(said)} |\n"
        for slug, (statuses, said) in sorted(problems.items())
    ]
    live = [f"| `{code}` | {_cell(said)} |\n" for code, said in sorted(codes.items())]
    return (
        head + "| name | status | says |\n| --- | --- | --- |\n" + "".join(http)
        + "\n## On sockets\n\nA refused event is acknowledged with `{\"ok\": false, \"error\": {\"code\": …}}`.\n\n"
        + "| code | says |\n| --- | --- |\n" + "".join(live)
    )  # fmt: skip


def _problems(tree: ast.AST) -> Iterator[tuple[str, int, str]]:
    """Name, status and sentence of each ``Problem(…, slug="…")``."""
    for call in _calls(tree, "Problem"):
        given = {one.arg: _text(one.value) for one in call.keywords}
        if given.get("slug") and call.args and isinstance(call.args[0], ast.Constant):
            yield (
                given["slug"],
                int(str(call.args[0].value)),
                given.get("detail") or _text(call.args[1] if len(call.args) > 1 else None),
            )


def _refusals(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Code and sentence of each ``DomainError("…", …)``."""
    for call in _calls(tree, "DomainError"):
        if call.args and (code := _text(call.args[0])):
            yield code, _text(call.args[1]) if len(call.args) > 1 else ""


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def _text(node: ast.AST | None) -> str:
    """Of a text or of one with values in it, which are written as an ellipsis; else empty."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values)
    return ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def sources() -> Iterator[str]:
    for room in ROOMS:
        for path in sorted((SERVER / room).rglob("*.py")):
            yield path.read_text()


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:  # noqa: S310  # of the server below
        return str(answer.read().decode())


def _once(url: str, is_there: Callable[[str], bool]) -> str:
    """What the address answers as soon as it is what is waited for."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            if is_there(text := _get(url)):
                return text
        except OSError as error:
            text = str(error)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{url}: {text[:1000]}")
        time.sleep(0.2)


@contextmanager
def server() -> Iterator[str]:
    """The address of one of this tree, on free ports, with a data folder that is gone afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        ports = [f"--http-port={port}", "--rtmp-port=0", "--webrtc-port=0"]
        command = [sys.executable, "-m", "server", "serve", f"--data-dir={folder}", *ports]
        process = subprocess.Popen(command, cwd=SERVER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(WITHIN_S)


def main(folder: str) -> None:
    made = Path(folder)
    made.mkdir(parents=True, exist_ok=True)
    with server() as url:
        _once(f"{url}/readyz", bool)
        (made / "api.md").write_text(api(msgspec.json.decode(_get(f"{url}/openapi.json"))))
        (made / "metrics.md").write_text(
            metrics(_once(f"{url}/metrics", lambda text: "socialflow_media_streams" in text))
        )
    (made / "errors.md").write_text(errors(sources()))


if __name__ == "__main__":
    main(*sys.argv[1:])
