"""What crosses nodes, held against what the last release wrote and read: nodes of both must work together.

``wire_schema.txt`` is that release's, one field a line; a release writes it anew:
``python -m tests.cluster.test_wire_schema > tests/cluster/wire_schema.txt``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import inspect

from actors.call import Call
from actors.chat import ChatRoom
from actors.document import Document
from actors.reader import FactReader
from actors.runtime.frames import Deliver, Failure, Reply
from actors.runtime.message import reply_type, wire_name
from actors.stream import LiveStream
from actors.viewers import ViewCounter
from server.features.messages.conversations import facts as request_facts
from server.features.money.memberships import facts as membership_facts
from server.features.money.payments import facts as payment_facts
from server.features.people import facts as people_facts
from server.features.rooms.polls import facts as poll_facts
from server.features.rooms.predictions import facts as prediction_facts
from server.features.rooms.raids import facts as raid_facts
from server.features.rooms.tips import facts as tip_facts
from server.features.safety.cases import facts as case_facts
from server.features.social.communities import facts as community_facts
from server.features.social.posts import facts as post_facts
from server.features.town.market import facts as order_facts
from server.features.videos.clips import facts as clip_facts
from server.features.videos.library import facts as video_facts
from server.features.videos.recordings import facts as recording_facts
from server.features.videos.works import facts as work_facts
from server.live.node_actor import NodeActor
from storage import chat_held, chat_mentions, conversation_facts, stream_facts
from storage.bus_entry import BusEntry
from storage.cluster import _Notice
from storage.facts import Fact, name_of
from storage.members import Member

RECORD = Path(__file__).with_name("wire_schema.txt")
ACTORS = (LiveStream, ChatRoom, ViewCounter, Call, Document, FactReader, NodeActor)
FRAMES = (Deliver, Reply, Failure, BusEntry, Member, _Notice)

MODULES = (
    *(payment_facts, tip_facts, membership_facts, order_facts),
    *(stream_facts, people_facts, chat_held, chat_mentions, poll_facts, prediction_facts, raid_facts, clip_facts),
    *(video_facts, recording_facts, request_facts, conversation_facts, post_facts, community_facts),
    work_facts,
    case_facts,
)
FACTS = tuple(
    dict.fromkeys(
        kind
        for module in MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Fact) and kind is not Fact
    )
)
"""Rows of a version are read by the others, and for as long as a reader is away."""


class Field(NamedTuple):
    """Of a message, a frame or what they hold. ``place``: in one that is written as an array, else -1."""

    owner: str
    name: str
    place: int
    is_required: bool
    type: str

    def __str__(self) -> str:
        place = "" if self.place < 0 else f"[{self.place}]"
        return f"{self.owner}{place}.{self.name}{'' if self.is_required else '?'}: {self.type}"

    @classmethod
    def read(cls, line: str) -> Field:
        head, _, kind = line.partition(": ")
        owner, _, name = head.rpartition(".")
        owner, _, place = owner.removesuffix("]").partition("[")
        return cls(owner, name.removesuffix("?"), int(place or -1), not name.endswith("?"), kind)


def schema() -> dict[tuple[str, str], Field]:
    """Of this program: all that actors hear, answer and are sent in, by owner and name."""
    structs: dict[str, inspect.StructType] = {}
    for root in (*FRAMES, *FACTS, *(one for message in messages() for one in (message, reply_type(message)))):
        for struct in structs_in(inspect.type_info(root)):
            known = structs.setdefault(title(struct), struct)
            assert known.cls is struct.cls, f"two are written as {title(struct)}"
    fields = [field for struct in structs.values() for field in fields_of(struct)]
    return {(field.owner, field.name): field for field in fields}


def messages() -> Iterator[Any]:
    """But for those that an actor tells itself."""
    for actor in ACTORS:
        for message in actor.handlers.names.values():
            if not message.__name__.startswith("_"):
                yield message


def fields_of(struct: inspect.StructType) -> Iterator[Field]:
    yield Field(title(struct), "", -1, True, "array" if struct.array_like else "map")
    for place, field in enumerate(struct.fields):
        at = place if struct.array_like else -1
        yield Field(title(struct), field.encode_name, at, field.required, text_of(field.type))


def title(struct: inspect.StructType) -> str:
    return str(struct.tag) if struct.tag is not None else wire_name(struct.cls)


def text_of(kind: inspect.Type) -> str:
    """A type as far as the wire knows it."""
    if isinstance(kind, inspect.StructType):
        return title(kind)
    if isinstance(kind, inspect.LiteralType):
        return f"Literal[{', '.join(sorted(map(repr, kind.values)))}]"
    inner = list(map(text_of, parts_of(kind)))
    if isinstance(kind, inspect.UnionType):
        return " | ".join(sorted(inner))
    return type(kind).__name__.removesuffix("Type") + (f"[{', '.join(inner)}]" if inner else "")


def parts_of(kind: inspect.Type) -> Iterable[inspect.Type]:
    if isinstance(kind, inspect.UnionType):
        return kind.types
    if isinstance(kind, inspect.TupleType):
        return kind.item_types
    if isinstance(kind, inspect.CollectionType):
        return (kind.item_type,)
    return (kind.key_type, kind.value_type) if isinstance(kind, inspect.DictType) else ()


def structs_in(kind: inspect.Type) -> Iterator[inspect.StructType]:
    inner = [field.type for field in kind.fields] if isinstance(kind, inspect.StructType) else parts_of(kind)
    if isinstance(kind, inspect.StructType):
        yield kind
    for part in inner:
        yield from structs_in(part)


def broken(before: Iterable[Field], now: dict[tuple[str, str], Field]) -> Iterator[str]:
    """What nodes of the version before would misread, or be misread in."""
    known = set()
    for field in before:
        known.add((field.owner, field.name))
        same = now.get((field.owner, field.name))
        if same is None and field.is_required:
            yield f"{field} is gone: nodes of the version before need it"
        elif same is not None and (same.type, same.place) != (field.type, field.place):
            yield f"{field} has become {same}: add a field or a message beside it"
        elif same is not None and same.is_required > field.is_required:
            yield f"{same} has lost its default: nodes of the version before may leave it out"
    owners = {owner for owner, _ in known}
    for key, field in now.items():
        if key not in known and field.owner in owners and field.is_required:
            yield f"{field} is new and has no default: nodes of the version before do not send it"


def record() -> list[Field]:
    return [Field.read(line) for line in RECORD.read_text().splitlines()]


def test_what_crosses_nodes_is_understood_by_the_version_before_and_understands_it() -> None:
    problems = list(broken(record(), schema()))
    assert not problems, "\n".join(problems)


def test_every_change_that_the_version_before_could_not_read_is_found() -> None:
    now = schema()
    posting, entry = now["PostChat", "text"], now["BusEntry", "items"]
    trace = now["PostChat", "trace"]
    assert not list(
        broken(now.values(), {**now, ("PostChat", "mood"): posting._replace(name="mood", is_required=False)})
    )
    for changed in (
        {key: field for key, field in now.items() if field is not posting},
        {**now, ("PostChat", "text"): posting._replace(type="Int")},
        {**now, ("PostChat", "trace"): trace._replace(is_required=True)},
        {**now, ("PostChat", "mood"): posting._replace(name="mood")},
        {**now, ("BusEntry", "items"): entry._replace(place=entry.place + 1)},
    ):
        assert len(list(broken(now.values(), changed))) == 1


def test_unknown_fields_are_passed_over_everywhere() -> None:
    roots = (*FRAMES, *FACTS, *messages())
    structs = {struct.cls for root in roots for struct in structs_in(inspect.type_info(root))}
    assert [cls for cls in structs if cls.__struct_config__.forbid_unknown_fields] == []


def test_every_fact_of_the_program_is_compared_and_has_a_name_of_its_own() -> None:
    kinds = {kind for kind in Fact.__subclasses__() if not kind.__module__.startswith("tests.")}
    assert kinds == set(FACTS)
    assert len({name_of(kind) for kind in FACTS}) == len(FACTS)


def test_the_record_can_be_read_back() -> None:
    fields = list(schema().values())
    assert [Field.read(str(field)) for field in fields] == fields


if __name__ == "__main__":
    print("\n".join(sorted(map(str, schema().values()))))
