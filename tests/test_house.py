"""The house checks itself: where things lie, what they are called, who may touch what."""

from __future__ import annotations

import ast
import gc
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from server.config import Settings
from server.secret_files import is_secret
from tests import second_tries, settings_table

ROOT = Path(__file__).resolve().parent.parent

CODE = ("actors", "media", "storage", "server", "migrations", "bench", "clients")
ROOT_NAMES = {
    *CODE,
    *("tests", "docs", "deploy", ".ci", ".dockerignore", ".gitignore", "docker-compose.yml", "Dockerfile", "Makefile"),
    *("pyproject.toml", "requirements.lock", "README.md", "CHANGELOG.md", "LICENSE"),
    # Where GitHub and pre-commit look for them.
    *(".github", ".pre-commit-config.yaml", "SECURITY.md", "CONTRIBUTING.md"),
}  # fmt: skip

MAX_LINES = 600
MAX_TEST_LINES = 800
NOT_WRITTEN_BY_HAND = ("requirements.lock", "package-lock.json", "LICENSE", "server/web/dist/")

VAGUE_MODULES = {
    "utils",
    "util",
    "common",
    "core",
    "shared",
    "helpers",
    "helper",
    "base",
    "misc",
    "manager",
    "managers",
}
VAGUE_ENDINGS = re.compile(r"\w(Manager|Service|Helper|Base|Impl|Data|Info)$")
NAMED_SO_ELSEWHERE = {
    "ActorInfo": "what a node tells of one of its actors to whoever looks; `Actor` is the actor itself",
    "SegmentInfo": "what a playlist says of a segment (EXTINF); the bytes are the segment",
    "PartInfo": "what a playlist says of a part (EXT-X-PART); the bytes are the part",
    "RenditionInfo": "what a multivariant playlist says of a rendition (EXT-X-STREAM-INF)",
    "ServerInfo": "the answer of GET /api/v1/server",
    "PersonalData": "what the law calls what is held on a person (GDPR article 4)",
}

# Words that named things here before the field's own did: docs/architecture.md has the glossary.
RETIRED_WORDS = {
    *(
        "announcer",
        "bell",
        "curtain",
        "deed",
        "desk",
        "desks",
        "doorkeeper",
        "doors",
        "ears",
        "examination",
        "farewell",
    ),
    *("heirs", "house", "neighbour", "pulse", "realm", "station", "teller", "town", "trails", "turnout", "turnstile"),
    *("voice", "voices", "witness", "workshop", "world", "worlds"),
}

# Words behind which a docstring hides its parties: it names the client, the node, the actor, the log instead.
HIDING_WORDS = re.compile(r"\b(whoever|somebody|someone|heard|hears?|said)\b", re.I)
PLAIN_ROOMS = ("actors/", "clients/", "media/", "server/", "storage/")

# Where anything at all may go wrong and the show goes on. Everywhere else an `except` names what it expects.
NAMED_EDGES = {
    "actors/runtime/cell.py:Cell._activate": "an actor's own code: what it raises goes to its supervisor",
    "actors/runtime/handling.py:HandlingMailbox._draw": "an actor's own code: what it raises goes to its supervisor",
    "actors/runtime/handling.py:HandlingMailbox._handle_unusual": "an actor's own code, likewise",
    "media/channel.py:Channel._answer": "a handler of the other process's question: the failure is its answer",
    "media/channel.py:Channel._note": "a listener of the other process's notes",
    "media/recorder.py:Recorder._put": "a store's failure: the segment stays and is tried again",
    "media/rtmp/server.py:RtmpServer._ask": "whoever decides about a publisher: a failure is a refusal",
    "media/webrtc/fanout.py:RtpFanout._run": "one viewer of many",
    "server/error_reports.py:Reports.emit": "a handler of the log: what is logged must not fail for it",
    "server/http/health.py:_is_up": "a probe: whatever it raises, the dependency is down",
    "server/http/identity.py:Identity._follow": "the follower of ended sessions goes on",
    "server/http/middleware.py:HttpMiddleware._guarded": "a request: the answer is a 500 and a line in the log",
    "server/jobs/worker.py:Worker._outcome": "a job's handler: what it raises is kept with the job as the reason",
    "server/lifecycle.py:_close_stage": "one stage of a stop must not keep the others from theirs",
    "server/live/edge/client.py:Client._answering": "an application's handler, later",
    "server/live/edge/client.py:Client._connect": "an application's handler",
    "server/live/edge/client.py:Client._deciding": "an application's handler, later",
    "server/live/edge/client.py:Client._event": "an application's handler",
    "server/live/edge/client.py:Client._disconnected": "an application's handler",
    "server/live/edge/fanout.py:Fanout._work": "one row of many",
    "server/live/edge/sessions.py:EngineSessions._keep_deadlines": "one deadline of many",
    "server/live/edge/topic.py:_encoded": "one delivery of many",
    "storage/bus.py:Bus._hand_out": "a listener of messages between nodes",
    "storage/facts.py:Facts._read": "a fact's consumer: what it raises is counted as the fact's failure",
    "storage/memory/facts.py:MemoryFacts._read": "a fact's consumer, likewise",
}

DRIVERS = {
    "asyncpg": ("storage/",),
    "redis": ("storage/",),
    "boto3": ("storage/",),
    "botocore": ("storage/",),
    "av": ("media/", "server/demo/"),
    "aiortc": ("media/webrtc/", "server/load_test/"),
    "aioice": ("media/webrtc/",),
    "pylibsrtp": ("media/webrtc/",),
    "qh3": ("media/webrtc/srtp",),
}

SQL = re.compile(
    r"\b(select\b[^;]*?\sfrom\s+\w|insert\s+into\s+\w|delete\s+from\s+\w|update\s+\w+\s+set\s)", re.I | re.S
)
SQL_ROOMS = ("storage/", "server/features/", "server/outbound/", "server/http/", "migrations/", "bench/")

MACHINE_PATHS = re.compile(r"(?<![\w.}/])/(home|Users|work|root)/[\w.]|[A-Z]:\\Users\\")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".ts", ".tsx", ".css", ".html", ".js", ".mjs", ".lua", ".sql", ".lock"}

SLEEPS_AS_LONG_AS_IT_TAKES = {
    "tests/server/live/edge/test_engine_protocol.py": "counts the pings of half a second, whose number is the point",
}


@cache
def files() -> tuple[str, ...]:
    """Paths below the root of everything that is or may be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git working tree")
    return tuple(sorted(name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()))


@cache
def text(name: str) -> str:
    return (ROOT / name).read_text(errors="replace")


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(text(name))


@cache
def nodes(name: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(name)))


@pytest.fixture(scope="module", autouse=True)
def kept_trees() -> Iterator[None]:
    """Without the collector of garbage, which would go through all trees again and again and find nothing."""
    gc.disable()
    yield
    gc.enable()


def modules(*folders: str) -> Iterator[str]:
    return (name for name in files() if name.endswith(".py") and name.startswith(tuple(f"{one}/" for one in folders)))


def none_of(found: Iterable[str], rule: str) -> None:
    lines = list(found)
    assert not lines, f"{rule}:\n  " + "\n  ".join(lines)


def test_the_root_holds_only_what_belongs_there() -> None:
    strangers = {name.partition("/")[0] for name in files()} - ROOT_NAMES
    none_of(sorted(strangers), "put it into one of the rooms (or extend ROOT_NAMES with the plan)")


def test_reading_the_settings_imports_no_feature_and_no_driver() -> None:
    """Each command begins with them: the settings of a feature stand in a module beside its package."""
    code = (
        "import sys, server.cli; print(*sorted({'aiohttp', 'asyncpg', 'redis', 'server.feature'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    none_of(done.stdout.split(), "see server/features/settings.py")


def test_few_tests_may_be_tried_twice_each_with_a_date_and_a_reason() -> None:
    listed = second_tries.listed()
    assert len(listed) <= second_tries.MOST
    for test, said in listed.items():
        path, _, name = test.rpartition("::")
        assert re.search(rf"def {re.escape(name)}\(", text(path)), f"there is no test {test}"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \S.{20,}", said), f"{test}: a date and a reason"


def test_no_module_has_a_name_that_says_nothing() -> None:
    def parts(name: str) -> set[str]:
        return {part.removesuffix(".py").lower() for part in name.split("/")}

    none_of((name for name in modules(*CODE, "tests") if parts(name) & VAGUE_MODULES), "name it after its noun")


def test_no_class_has_a_name_that_says_nothing() -> None:
    found = (
        f"{name}: {node.name}"
        for name in modules(*CODE, "tests")
        for node in nodes(name)
        if isinstance(node, ast.ClassDef) and VAGUE_ENDINGS.search(node.name) and node.name not in NAMED_SO_ELSEWHERE
    )
    none_of(found, "say what it is, or add it to NAMED_SO_ELSEWHERE with the reason")


def test_no_identifier_brings_a_retired_word_back() -> None:
    found = (
        f"{name}: {identifier}"
        for name in modules(*CODE, "tests")
        for identifier in sorted(identifiers(tree(name)))
        if RETIRED_WORDS.intersection(words_of(identifier))
    )
    none_of(found, "use the field's term: docs/architecture.md has the glossary")


def test_docstrings_name_their_parties() -> None:
    found = (
        f"{name}:{line}: {HIDING_WORDS.findall(docstring)}"
        for name in modules(*CODE)
        if name.startswith(PLAIN_ROOMS)
        for line, docstring in strings_alone(tree(name))
        if HIDING_WORDS.search(docstring)
    )
    none_of(found, "name the client, the node, the actor or the log; send, publish, subscribe, evict, retry")


def strings_alone(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Docstrings, those of attributes and constants included: line and plain text."""
    for one in ast.walk(node):
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) and isinstance(one.value.value, str):
            yield one.lineno, re.sub(r"(`+)[^`]*\1", "", one.value.value)  # without names of the code


def identifiers(node: ast.AST) -> set[str]:
    """What is defined, assigned, passed or looked up below the node; tests' own names are sentences and left out."""
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            found.add(one.id)
        elif isinstance(one, ast.Attribute):
            found.add(one.attr)
        elif isinstance(one, ast.arg | ast.keyword):
            found.add(one.arg or "")
        elif isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(one.name)
    return {one for one in found if not one.startswith("test_")}


def words_of(identifier: str) -> set[str]:
    """Of ``_RoomFan``, ``room_fan`` and ``ROOM_FAN``: room and fan."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)}


def test_every_name_that_is_let_pass_is_still_there() -> None:
    classes = {node.name for name in modules(*CODE) for node in nodes(name) if isinstance(node, ast.ClassDef)}
    places = {place for name in modules(*CODE) for place in broad_handlers(name)}
    none_of(NAMED_SO_ELSEWHERE.keys() - classes, "NAMED_SO_ELSEWHERE names classes that are gone")
    none_of(NAMED_EDGES.keys() - places, "NAMED_EDGES names places that are gone")


def test_no_file_is_longer_than_one_can_hold_in_mind() -> None:
    def is_ours(name: str) -> bool:
        return Path(name).suffix in TEXT and not any(one in name for one in NOT_WRITTEN_BY_HAND)

    def lines(name: str) -> int:
        """Without the rows of a page's tables, which are looked up, not read."""
        return sum(not (name.endswith(".md") and line.startswith("| ")) for line in text(name).split("\n")[:-1])

    lengths = {name: lines(name) for name in files() if is_ours(name)}
    most = {name: MAX_TEST_LINES if name.startswith("tests/") else MAX_LINES for name in lengths}
    none_of((f"{name}: {n} lines" for name, n in lengths.items() if n > most[name]), "too long: split it")


def test_only_named_edges_take_every_exception() -> None:
    found = (place for name in modules(*CODE) for place in broad_handlers(name) if place not in NAMED_EDGES)
    none_of(found, "name the exceptions that are expected, or add the place to NAMED_EDGES with the reason")


def broad_handlers(name: str) -> Iterator[str]:
    """``file:function`` of each handler of everything that does not raise it again."""
    for place, node in within_functions(tree(name)):
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type) and not raises_again(node):
            yield f"{name}:{place}"


def within_functions(node: ast.AST, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        is_named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        below = (*path, child.name) if is_named else path  # type: ignore[attr-defined]  # the three have one
        yield ".".join(below), child
        yield from within_functions(child, below)


def is_broad(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(is_broad(one) for one in kind.elts)
    return kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})


def raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_nothing_is_left_for_later() -> None:
    found = (
        f"{name}:{number}: {line.strip()}"
        for name in files()
        if Path(name).suffix in TEXT and name != "tests/test_house.py" and "package-lock" not in name
        for number, line in enumerate(text(name).splitlines(), 1)
        if UNFINISHED.search(line)
    )
    none_of(found, "do it now, or write it down as an issue")


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_is_imported_only_in_its_room(driver: str) -> None:
    # Benches and tests look at the house from outside, with the means of others.
    found = (
        f"{name} imports {driver}"
        for name in modules("actors", "media", "storage", "server", "migrations")
        if not name.startswith(DRIVERS[driver]) and driver in imported(name)
    )
    none_of(found, f"{driver} belongs to {' and '.join(DRIVERS[driver])}")


def imported(name: str) -> set[str]:
    found: set[str] = set()
    for node in nodes(name):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found


def test_sql_stands_where_its_tables_are_kept() -> None:
    found = (
        f"{name}:{node.lineno}"
        for name in modules("actors", "media", "storage", "server")
        if not name.startswith(SQL_ROOMS)
        for node in nodes(name)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
        if not is_docstring(node, name)
    )
    none_of(found, "move the SQL to storage or to the feature that owns the table")


@cache
def docstrings(name: str) -> frozenset[int]:
    """The lines on which docstrings begin."""
    return frozenset(
        node.body[0].value.lineno
        for node in nodes(name)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
    )


def is_docstring(node: ast.Constant, name: str) -> bool:
    return node.lineno in docstrings(name)


def test_locks_name_no_registry() -> None:
    def lines(name: str) -> Iterator[str]:
        for number, line in enumerate(text(name).splitlines(), 1):
            if name.endswith("package-lock.json"):
                is_one = '"resolved"' in line
            else:
                is_one = "://" in line or line.startswith("-")
            if is_one:
                yield f"{name}:{number}: {line.strip()}"

    locks = [name for name in files() if name.endswith((".lock", "package-lock.json"))]
    assert len(locks) == 3
    none_of((line for name in locks for line in lines(name)), "a lock says which versions, the machine says from where")


def test_no_file_knows_the_folders_of_one_machine() -> None:
    found = (
        f"{name}:{number}: {line.strip()}"
        for name in files()
        if Path(name).suffix in TEXT or "." not in Path(name).name
        for number, line in enumerate(text(name).splitlines(), 1)
        if MACHINE_PATHS.search(line)
    )
    none_of(found, "use a path of the project, of the data folder or a temporary one")


def test_every_bench_has_a_main() -> None:
    found = (name for name in modules("bench") if not name.endswith("/__init__.py") and not answers(name))
    none_of(found, "a bench answers one question: `def main(argv)`; what several share goes into BENCH_PARTS")


BENCH_PARTS = {
    "bench/accounts.py": "accounts by SQL, for benches that need many",
    "bench/app.py": "a server of the benches' own",
    "bench/broadcast_server.py": "the server that the bench of broadcasts publishes to",
    "bench/children.py": "runs benches in processes of their own",
    "bench/clients.py": "the clients of several benches",
    "bench/drawing.py": "curves as SVG",
    "bench/fault_run.py": "a cluster under fire, and the figures of it",
    "bench/faults.py": "what can happen to a cluster under fire",
    "bench/syscall_baseline.py": "a server of system calls alone",
    "bench/job_kills.py": "workers and Postgres under fire, and the count afterwards",
    "bench/job_worker.py": "a process that works jobs, to be killed",
    "bench/ledger_kills.py": "processes that post transfers and Postgres under fire, and the count afterwards",
    "bench/ledger_worker.py": "a process that posts transfers, to be killed",
    "bench/mail_kills.py": "nodes that deliver and an SMTP server under fire, and the count afterwards",
    "bench/mail_notes.py": "what those processes note of each mail",
    "bench/mail_processes.py": "processes that deliver mails and that take them, to be killed",
    "bench/endurance.py": "a whole server in real time, for the bench of soaking",
    "bench/glass.py": "how late pictures are seen",
    "bench/machine.py": "what the figures were measured on",
    "bench/nginx.py": "nginx with its RTMP module, to compare with",
    "bench/outcome.py": "what a run of the benches gives",
    "bench/page.py": "the report as a page",
    "bench/plan.py": "the benches of the list, with their options",
    "bench/publishing.py": "publishers and their streams",
    "bench/report.py": "a figure, and how it is handed over",
    "bench/timeline.py": "what happened when, drawn over time",
    "bench/cluster.py": "several nodes and their engines",
    "bench/chat_clients.py": "clients that talk and note what they hear",
    "bench/socket_client.py": "what those that come back have in common",
    "bench/voters.py": "clients that vote",
    "bench/writers.py": "clients that write a document",
}


def answers(name: str) -> bool:
    if name in BENCH_PARTS:
        return True
    mains = [node for node in tree(name).body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    return bool(mains) and [argument.arg for argument in mains[0].args.args] == ["argv"]


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {str(Path(name).parent) for name in modules("tests")}
    found = (folder for folder in sorted(folders) if f"{folder}/__init__.py" not in files())
    none_of(found, "add an empty __init__.py: two test files of one name need different packages")


def test_no_test_waits_for_a_fixed_time() -> None:
    found = (
        f"{name}:{line}"
        for name in modules("tests")
        if name not in SLEEPS_AS_LONG_AS_IT_TAKES
        for line in bare_sleeps(tree(name))
    )
    none_of(found, "wait for the condition in a loop with a deadline, or use a manual clock")


def bare_sleeps(node: ast.AST, is_in_loop: bool = False) -> Iterator[int]:
    """Lines that sleep for a constant time other than zero, outside of any loop that looks again."""
    if isinstance(node, ast.Call) and not is_in_loop and is_sleep(node):
        yield node.lineno
    for child in ast.iter_child_nodes(node):
        yield from bare_sleeps(child, is_in_loop or isinstance(node, ast.While | ast.For | ast.AsyncFor))


def is_sleep(call: ast.Call) -> bool:
    if ast.unparse(call.func) not in {"time.sleep", "asyncio.sleep"} or not call.args:
        return False
    return isinstance(call.args[0], ast.Constant) and bool(call.args[0].value)


def test_the_documented_settings_are_those_that_there_are() -> None:
    page = settings_table.PAGE.read_text()
    assert page == settings_table.written(page), "run `python -m tests.settings_table`"
    assert "| `http_port` | `8080` |" in page


@pytest.mark.parametrize(
    "name",
    ["Dockerfile", "docker-compose.yml", "docs/operations.md", "docs/settings.md", "docs/deploy.md", "README.md"],
)
def test_every_setting_that_is_named_outside_the_code_is_one(name: str) -> None:
    there = {f"SOCIALFLOW_{name.upper()}" for name in Settings.model_fields}
    there |= {f"SOCIALFLOW_{name.upper()}_FILE" for name, field in Settings.model_fields.items() if is_secret(field)}
    none_of(set(re.findall(r"\bSOCIALFLOW_[A-Z_]+", text(name))) - there, "there is no such setting")


def test_the_documents_lead_somewhere() -> None:
    """Links and pictures between the files of the project are there."""
    found = (
        f"{name}: {target}"
        for name in files()
        if name.endswith(".md")
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text(name))
        if not (ROOT / name).parent.joinpath(target).exists()
    )
    none_of(found, "a link that leads nowhere")


Check = Callable[[str], Iterable[object]]


@pytest.mark.parametrize(
    ("check", "wrong", "right"),
    [
        (lambda code: bare_sleeps(ast.parse(code)), "time.sleep(1)", "while True:\n    time.sleep(1)"),
        (lambda code: bare_sleeps(ast.parse(code)), "await asyncio.sleep(0.1)", "await asyncio.sleep(0)"),
        (lambda code: RETIRED_WORDS & set().union(*map(words_of, identifiers(ast.parse(code)))), "DoorBell()", "label"),
        (HIDING_WORDS.findall, "whoever heard it", "the client that asked"),
        (SQL.findall, "select a from b", "select clock_timestamp()"),
        (SQL.findall, "UPDATE users\nSET x = 1", "update it and set it"),
        (MACHINE_PATHS.findall, "see /ho" + "me/ada/notes", "people/home/ada"),
    ],
)
def test_the_rules_tell_wrong_from_right(check: Check, wrong: str, right: str) -> None:
    assert list(check(wrong))
    assert not list(check(right))
