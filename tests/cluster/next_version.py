"""The next version of the server: this one with another schema. ``python -m tests.cluster.next_version serve …``.

What a release may change, it changes, before the server's modules take the old definitions in: messages and a fact
have one more field, there is a fact and there are messages that older nodes have never heard of, entries of the bus are
of version 2, and a migration adds a column to every table. When it ends it says how it got on with the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import actors.chat_messages
import actors.events
import storage.bus_entry
import storage.migrate
from actors.runtime import ActorError, Ask, Message, Unhandled, handles

WAVE_EVERY_S = 0.2
MIGRATION = '''
"""One more column in every table."""

from alembic import op

revision = "9000"
down_revision = "{before}"


def upgrade() -> None:
    op.execute("""
        do $$ declare one record; begin
            for one in select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'
            loop execute 'alter table ' || quote_ident(one.tablename) || ' add column of_next_version int default 2';
            end loop;
        end $$
    """)
'''

OldPostChat, OldChatPosted = actors.chat_messages.PostChat, actors.events.ChatPosted


class PostChat(OldPostChat, frozen=True, kw_only=True, omit_defaults=False):
    mood: str = "plain"


class ChatPosted(OldChatPosted, frozen=True, kw_only=True, tag=True, omit_defaults=False):
    moods: tuple[str, ...] = ()


class Applauded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    by: str


Fact = (
    actors.events.StreamChanged
    | actors.events.ViewersCounted
    | ChatPosted
    | actors.events.ChatChanged
    | actors.events.RoomOpened
    | actors.events.CounterOpened
    | actors.events.Reacted
    | actors.events.RoomEvent
    | Applauded
)


class DeliverLiveEvent(Message, frozen=True, kw_only=True):
    event: Fact  # type: ignore[valid-type]  # put together at run time, as the schema is


class Greet(Ask[str], frozen=True, kw_only=True):
    by: str


class Wave(Message, frozen=True, kw_only=True):
    by: str


@contextlib.contextmanager
def next_schema() -> Iterator[None]:
    actors.chat_messages.PostChat = PostChat  # type: ignore[misc]
    actors.events.ChatPosted = ChatPosted  # type: ignore[misc]
    actors.events.LiveEvent = Fact  # type: ignore[misc, assignment]
    actors.events.DeliverLiveEvent = DeliverLiveEvent  # type: ignore[misc, assignment]
    storage.bus_entry.VERSION = 2  # type: ignore[misc]
    with tempfile.TemporaryDirectory(prefix="socialflow-next-") as folder:
        here = Path(shutil.copytree(storage.migrate.migrations_dir(), Path(folder) / "migrations"))
        (here / "versions" / "m9000_next.py").write_text(MIGRATION.format(before=storage.migrate.head()))
        storage.migrate.migrations_dir = lambda: here
        yield


def next_server(met: Counter[str]) -> None:
    """Has the server's neighbour know the new messages, and its node send them to everybody."""
    import server.app
    import server.assembly.live
    from server.assembly.cluster import ClusterPlace, join_cluster
    from server.live.node_actor import NodeActor

    places: list[ClusterPlace] = []

    async def joined(*args: Any, **more: Any) -> ClusterPlace:
        places.append(await join_cluster(*args, **more))
        return places[-1]

    class NextNodeActor(NodeActor):
        @handles(DeliverLiveEvent)
        def handle(self, message: Any) -> None:
            if isinstance(message.event, Applauded):
                met["applauded"] += 1
            else:
                super().handle(message)

        @handles(Wave)
        def waved(self, message: Wave) -> None:
            met["waves"] += 1

        @handles(Greet)
        def greeted(self, message: Greet) -> str:
            return f"hello {message.by}"

    class NextApp(server.app.App):
        async def start(self) -> None:
            await super().start()
            self._waving = asyncio.create_task(self._wave(), name="wave")

        async def stop(self) -> None:
            self._waving.cancel()
            await super().stop()

        async def _wave(self) -> None:
            while True:
                await asyncio.gather(*map(self._greet, places[0].serving()))
                await asyncio.sleep(WAVE_EVERY_S)

        async def _greet(self, name: str) -> None:
            here = places[0]
            there = here.node.ref(actors.events.NODE, name)
            try:
                there.tell(Wave(by=here.name))
                there.tell(DeliverLiveEvent(event=Applauded(by=here.name)))
                met["greeted"] += await there.ask(Greet(by=here.name)) == f"hello {here.name}"
            except Unhandled:
                met["not understood"] += 1
            except ActorError:
                met["away"] += 1

    server.assembly.live.NodeActor = NextNodeActor  # type: ignore[misc]
    server.app.join_cluster = joined
    server.app.App = NextApp  # type: ignore[misc]


def main() -> int:
    met: Counter[str] = Counter()
    with next_schema():
        next_server(met)
        from server.cli import main as serve

        code = serve()
    print("NEXT VERSION", msgspec.json.encode(met).decode(), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
