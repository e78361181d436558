"""``socialflow``: the commands, each of which imports what it needs."""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.metadata
import os
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from server import error_reports, garbage, loop
from server.config import ConfigError, Settings, did_you_mean, load
from server.logs import set_up_logs

SECOND_SIGNAL_S = 1.0

USAGE = """usage: socialflow COMMAND [--setting VALUE ...]
       socialflow --version

  serve     start everything on this machine (`socialflow serve --help` lists the settings)
  worker    work jobs for a cluster and serve no client (`--database-url` and `--redis-url` of the cluster)
  migrate   bring the database's schema up to date
  doctor    check every dependency and port, and say what to do
  config    show every setting: socialflow config show [--origin], which says where each comes from
  check-config   say all that is wrong with the settings, without starting anything
  demo      fill a running server with people, a synthetic live stream and a talkative chat
  load-test publishers, sockets and viewers for a server of yours, who check that nothing is lost
  reindex   make what searches look into anew; a server may run meanwhile
  seed      fill the database with many people and posts (--people N --posts N --follows N --seed N)
  backup    write database, objects and settings into one file: socialflow backup FILE; with --base instead, a base of
            the embedded database into wal_folder
  restore   fill an empty database and the object store from it: socialflow restore FILE; with --to-time TIME instead,
            the embedded database as it was then
  admin     accounts and keys, on the database of a server: `socialflow admin` lists what it does
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 it could not be done, 2 the call was wrong."""
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if args else 2
    if args[0] in ("-V", "--version", "version"):
        print(f"socialflow {importlib.metadata.version('socialflow')}")
        return 0
    command = COMMANDS.get(args[0])
    if command is None:
        hint = did_you_mean(args[0], COMMANDS)
        print(f"socialflow: there is no command {args[0]!r}{hint}\n\n{USAGE}", end="", file=sys.stderr)
        return 2
    try:
        return command(args[1:])
    except ConfigError as error:
        for line in error.lines:
            print(f"socialflow: {line}", file=sys.stderr)
        return 2


def serve(argv: Sequence[str]) -> int:
    """Until a signal. The first one drains; another one more than a second later ends at once."""
    settings = load(argv, program="socialflow serve")
    set_up_logs(log_format=settings.log_format, level=settings.log_level, process="node")
    error_reports.start(settings.sentry_dsn, environment=settings.sentry_environment, process="node")
    _raise_file_limit()
    return loop.run(_serve(settings))


def _raise_file_limit() -> None:
    """A socket is an open file: take as many as the machine gives this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(settings: Settings) -> int:
    # Imported here, so that every other command and a bad setting are answered without loading all of it. What imports
    # make stays, so that looking for garbage among it is in vain: a seventh of their time.
    gc.disable()
    from server.app import App
    from server.greeting import greeting
    from server.ports import CannotStart
    from server.processes import Fleet

    gc.freeze()
    gc.enable()
    started_at = time.monotonic()
    asked_to_stop = _stop_signals()
    try:
        if settings.processes > 1:
            return await Fleet(settings=settings).run(asked_to_stop)
        app = App(settings=settings)
        await app.start()
        garbage.look_seldom()
    except CannotStart as error:
        print(f"socialflow: {error}", file=sys.stderr)
        return 1
    print(greeting(app, took_s=time.monotonic() - started_at), flush=True)
    await asked_to_stop.wait()
    print("Stopping: telling everybody, writing everything down …", file=sys.stderr)
    await app.stop()
    return 0


def worker(argv: Sequence[str]) -> int:
    """Until a signal, which lets the jobs that run end; another one more than a second later ends at once."""
    settings = load(argv, program="socialflow worker")
    set_up_logs(log_format=settings.log_format, level=settings.log_level, process="worker")
    error_reports.start(settings.sentry_dsn, environment=settings.sentry_environment, process="worker")
    return loop.run(_work(settings))


async def _work(settings: Settings) -> int:
    from server.ports import CannotStart
    from server.worker import JobWorker

    asked_to_stop = _stop_signals()
    try:
        app = JobWorker(settings=settings)
        await app.start()
    except CannotStart as error:
        print(f"socialflow: {error}", file=sys.stderr)
        return 1
    print("Social Flow works jobs.", flush=True)
    await asked_to_stop.wait()
    print("Stopping: jobs that run get to their end …", file=sys.stderr)
    await app.stop()
    return 0


def _stop_signals() -> asyncio.Event:
    asked = asyncio.Event()
    first_at: list[float] = []
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not first_at:
            first_at.append(loop.time())
            asked.set()
        elif loop.time() - first_at[0] > SECOND_SIGNAL_S:
            print("Stopping at once.", file=sys.stderr)
            os._exit(1)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    return asked


def migrate(argv: Sequence[str]) -> int:
    """Apply what is due."""
    settings = load(argv, program="socialflow migrate")
    set_up_logs(log_format=settings.log_format, level=settings.log_level, process="migrate")
    from server.migrate import migrate_database

    return asyncio.run(migrate_database(settings))


def doctor(argv: Sequence[str]) -> int:
    settings = load(argv, program="socialflow doctor")
    set_up_logs(log_format=settings.log_format, level="error", process="doctor")
    from server.diagnostics.diagnose import diagnose

    return asyncio.run(diagnose(settings))


def config(argv: Sequence[str]) -> int:
    from server.configuration import show

    return show(argv)


def check_config(argv: Sequence[str]) -> int:
    from server.configuration import check

    return check(argv)


ADMIN_USAGE = """usage: socialflow admin ACTION … [--setting VALUE ...]

  create USERNAME EMAIL     an administrator, with a one-time password
  reset-password USERNAME   a one-time password; all sessions end
  end-sessions USERNAME     sign somebody out everywhere
  suspend USERNAME UNTIL    until a time as 2027-01-31T12:00:00Z, or ever; now lets them back in
  remove-factor USERNAME    the second factor of somebody who has lost it
  make-token USERNAME       an API token; --scopes read,chat … and, if wanted, --name TEXT and --expires TIME
  rotate-keys               sign access tokens with a new key, and refuse those of the old ones
"""


def admin(argv: Sequence[str]) -> int:
    action = argv[0] if argv else ""
    wanted = ADMIN_ARGUMENTS.get(action)
    if wanted is None or len(argv) <= wanted or any(word.startswith("-") for word in argv[1 : 1 + wanted]):
        print(ADMIN_USAGE, end="", file=sys.stderr)
        return 2
    options, rest = _options(argv[1 + wanted :], ADMIN_OPTIONS.get(action, ()))
    settings = load(rest, program=f"socialflow admin {action}")
    set_up_logs(log_format=settings.log_format, level="error", process="admin")
    from server import administration

    acts: dict[str, Callable[..., Coroutine[Any, Any, int]]] = {
        "create": administration.create_admin,
        "reset-password": administration.reset_password,
        "end-sessions": administration.end_sessions,
        "suspend": administration.suspend,
        "remove-factor": administration.remove_factor,
        "make-token": administration.make_token,
        "rotate-keys": administration.rotate_keys,
    }
    return asyncio.run(acts[action](settings, *argv[1 : 1 + wanted], **options))


ADMIN_ARGUMENTS = {
    "create": 2,
    "reset-password": 1,
    "end-sessions": 1,
    "suspend": 2,
    "remove-factor": 1,
    "make-token": 1,
    "rotate-keys": 0,
}
ADMIN_OPTIONS: dict[str, Sequence[str]] = {"make-token": ("name", "scopes", "expires")}


def _options(words: Sequence[str], names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """What is given as ``--name VALUE`` or ``--name=VALUE``, and the words that are left."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, prog="socialflow admin")
    for name in names:
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS)
    found, rest = parser.parse_known_args(list(words))
    return vars(found), rest


def demo(argv: Sequence[str]) -> int:
    settings = load(argv, program="socialflow demo")
    set_up_logs(log_format=settings.log_format, level="warning", process="demo")
    from server.demo import run_demo

    return asyncio.run(run_demo(settings))


def load_test(argv: Sequence[str]) -> int:
    from server.load_test import load_of, run_load

    program = "socialflow load-test"
    asked, rest = load_of(list(argv), program=program)
    settings = load(rest, program=program)
    set_up_logs(log_format=settings.log_format, level="error", process="load-test")
    _raise_file_limit()
    return loop.run(run_load(settings, asked))


def reindex(argv: Sequence[str]) -> int:
    """A server may run meanwhile."""
    settings = load(argv, program="socialflow reindex")
    set_up_logs(log_format=settings.log_format, level="error", process="reindex")
    from server.reindex import make_index

    return asyncio.run(make_index(settings))


def seed(argv: Sequence[str]) -> int:
    """A server that runs meanwhile has to wait for some of its tables."""
    from server.seed import fill, sizes_of

    sizes, rest = sizes_of(list(argv))
    settings = load(rest, program="socialflow seed")
    set_up_logs(log_format=settings.log_format, level="error", process="seed")
    return asyncio.run(fill(settings, sizes))


def backup(argv: Sequence[str]) -> int:
    """A server may run meanwhile."""
    if argv[:1] == ["--base"]:
        from server.point_in_time import back_up_base

        return _with_past(argv[1:], "backup --base", back_up_base)
    from server.backup import back_up

    return _with_file(argv, "backup", "FILE | --base", back_up)


def restore(argv: Sequence[str]) -> int:
    """No server may run on the data folder."""
    if argv[:1] == ["--to-time"] and len(argv) > 1:
        from server.point_in_time import bring_back_to

        return _with_past(argv[2:], "restore --to-time TIME", lambda settings: bring_back_to(settings, argv[1]))
    from server.backup import bring_back

    return _with_file(argv, "restore", "FILE | --to-time TIME", bring_back)


def _with_past(argv: Sequence[str], command: str, work: Callable[[Settings], Awaitable[int]]) -> int:
    settings = load(argv, program=f"socialflow {command}")
    set_up_logs(log_format=settings.log_format, level="error", process=command.partition(" ")[0])

    async def run() -> int:
        return await work(settings)

    return asyncio.run(run())


def _with_file(argv: Sequence[str], command: str, words: str, work: Callable[[Settings, Path], Awaitable[int]]) -> int:
    program = f"socialflow {command} {words}"
    if not argv or argv[0].startswith("-"):
        if "--help" in argv or "-h" in argv:
            load(["--help"], program=program)
        print(f"usage: {program} [--setting VALUE ...]", file=sys.stderr)
        return 2
    settings = load(argv[1:], program=program)
    set_up_logs(log_format=settings.log_format, level="error", process=command)

    async def run() -> int:
        return await work(settings, Path(argv[0]))

    return asyncio.run(run())


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "serve": serve,
    "worker": worker,
    "migrate": migrate,
    "doctor": doctor,
    "config": config,
    "check-config": check_config,
    "demo": demo,
    "load-test": load_test,
    "seed": seed,
    "admin": admin,
    "reindex": reindex,
    "backup": backup,
    "restore": restore,
}
