"""A document on virtual time: equal text for all, and no acknowledged edit lost, whatever dies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pycrdt
import pytest

from actors import document
from actors.document import BATCH, MAX_PEOPLE, MAX_WAITING, Document
from actors.document_messages import DOCUMENT, ApplyUpdate, DocumentSockets, JoinDocument, ReadDocument
from actors.document_store import DocumentEdit, DocumentRecord, DocumentRole
from actors.document_text import Content
from actors.runtime import (
    ActorError,
    DomainError,
    Fence,
    LocalDirectory,
    LocalTransport,
    ManualClock,
    Node,
    Unavailable,
)

ID = "d"


@dataclass
class Rows:
    """``DocumentStore`` in memory. ``failures``: of the next writes, each of which may count all the same."""

    snapshot: bytes = b""
    first: int = 0
    updates: list[bytes] = field(default_factory=list)
    people: dict[str, DocumentRole] = field(default_factory=dict)
    failures: list[bool] = field(default_factory=list)
    writes: int = 0
    version_age_s: float = 0.0
    versions: list[str] = field(default_factory=list)
    slow: asyncio.Event | None = None

    async def load(self, document_id: str) -> DocumentRecord | None:
        seq = self.first + len(self.updates)
        return DocumentRecord(
            snapshot=self.snapshot, updates=tuple(self.updates), seq=seq, version_age_s=self.version_age_s
        )

    async def roles(self, document_id: str, people: Collection[str]) -> Mapping[str, DocumentRole]:
        return {one: self.people.get(one, "editor") for one in people if one != "nobody"}

    async def append(
        self, document_id: str, edits: Sequence[DocumentEdit], *, seq: int, size: int, fence: Fence
    ) -> None:
        await (self.slow.wait() if self.slow else asyncio.sleep(0))
        assert seq == self.first + len(self.updates)
        self.writes += 1
        fails = bool(self.failures)
        if not fails or self.failures.pop():
            self.updates += [edit.update for edit in edits]
        if fails:
            raise Unavailable("postgres", "it is away")

    async def compact(self, document_id: str, snapshot: bytes, *, seq: int, fence: Fence) -> None:
        assert seq == self.first + len(self.updates)
        self.snapshot, self.first, self.updates = snapshot, seq, []
        self.versions.append(Content([snapshot]).text())


@dataclass
class Line:
    rows: Rows
    changes: list[tuple[bytes, int, int]] = field(default_factory=list)

    async def node(self) -> Node:
        """Another one: what the one before remembered is lost."""
        node = Node(name="n1", clock=ManualClock(), directory=LocalDirectory(node="n1"), transport=LocalTransport())
        node.register(DOCUMENT, lambda _: Document(document_id=ID, store=self.rows, changed=self._changed))
        await node.start()
        return node

    def _changed(self, document_id: str, update: bytes, before: int, seq: int) -> None:
        self.changes.append((update, before, seq))


class Editor:
    def __init__(self) -> None:
        self.doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        self.text = self.doc.get("content", type=pycrdt.Text)
        self.unsent: list[bytes] = []

    def type(self, dice: random.Random) -> None:
        before, length = self.doc.get_state(), len(self.text)
        if length > 4 and dice.random() < 0.2:
            at = dice.randrange(length - 2)
            del self.text[at : at + 2]
        else:
            self.text.insert(dice.randrange(length + 1), dice.choice(("a", "bee ", "sea")))
        self.unsent.append(self.doc.get_update(before))


def edit(update: bytes, person_id: str = "ann") -> ApplyUpdate:
    return ApplyUpdate(person_id=person_id, update=update)


async def test_twenty_people_type_while_nodes_die_and_writes_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "COMPACT_UPDATES", 60)
    rows, dice = Rows(), random.Random(7)
    line = Line(rows)
    editors = [Editor() for _ in range(20)]
    acknowledged: list[bytes] = []
    node = await line.node()

    async def send(editor: Editor) -> None:
        for update in list(editor.unsent):
            try:
                await node.ref(DOCUMENT, ID).ask(edit(update))
            except ActorError:
                return  # it is sent again: nothing tells whether it was taken
            acknowledged.append(update)
            editor.unsent.remove(update)

    for turn in range(12):
        for editor in editors:
            editor.type(dice)
        if turn % 4 == 1:
            rows.failures = [dice.random() < 0.5]
        if turn % 4 == 3:
            node = await line.node()
        await asyncio.gather(*(send(editor) for editor in editors))
        for editor in editors[:10]:  # the others are offline until the end
            for update, _, _ in line.changes[-3:]:
                editor.doc.apply_update(update)
    node = await line.node()
    while any(editor.unsent for editor in editors):
        await asyncio.gather(*(send(editor) for editor in editors))
    texts = set()
    for editor in editors:
        state = await node.ref(DOCUMENT, ID).ask(
            ReadDocument(person_id="ann", state_vector=editor.doc.get_state(), most=1 << 20)
        )
        editor.doc.apply_update(state.update or b"")
        texts.add(str(editor.text))
    assert len(texts) == 1
    stored = Content([one for one in (rows.snapshot, *rows.updates) if one])
    assert stored.text() in texts
    before = stored.state_vector()
    for update in acknowledged:
        stored.apply(update)
    assert stored.state_vector() == before  # each of them was there
    assert rows.writes < len(acknowledged) / 2  # those that came together were written together
    assert rows.first > 0


async def test_an_edit_is_told_to_the_others_only_when_it_is_durable() -> None:
    line = Line(Rows(failures=[False]))
    editor = Editor()
    editor.type(random.Random(1))
    with pytest.raises(ActorError):
        await (await line.node()).ref(DOCUMENT, ID).ask(edit(editor.unsent[0]))
    assert line.changes == []


@pytest.mark.parametrize(
    "update",
    [
        pytest.param("0101e183d9eacbb12a010000007f040107636f6e74656e74086161f09f9880c3a9", id="panics"),
        pytest.param("", id="empty"),
        pytest.param("01ffffffff0f", id="four thousand million blocks"),
    ],
)
async def test_what_is_no_update_is_refused_and_the_others_are_written(update: str) -> None:
    line, editor = Line(Rows()), Editor()
    ref = (await line.node()).ref(DOCUMENT, ID)
    editor.type(random.Random(1))
    good, bad = await asyncio.gather(
        ref.ask(edit(editor.unsent[0])), ref.ask(edit(bytes.fromhex(update))), return_exceptions=True
    )
    assert good == 1
    assert isinstance(bad, DomainError)
    assert (bad.code, bad.field) == ("invalid", "update")


async def test_so_many_edits_wait_for_a_slow_database_and_more_are_refused() -> None:
    rows, editor = Rows(), Editor()
    ref = (await Line(rows).node()).ref(DOCUMENT, ID)
    editor.type(random.Random(1))
    await ref.ask(edit(editor.unsent[0]))
    rows.slow = asyncio.Event()
    asked = [asyncio.ensure_future(ref.ask(edit(editor.unsent[0]))) for _ in range(MAX_WAITING + BATCH + 10)]
    refused, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert refused
    assert all(isinstance(one.exception(), Unavailable) for one in refused)
    rows.slow.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    taken = [one for one in answers if isinstance(one, int)]
    assert MAX_WAITING <= len(taken) < len(asked)
    assert rows.first + len(rows.updates) == 1 + len(taken)


async def test_a_document_that_is_full_says_so_and_takes_what_makes_it_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(document, "MAX_DOCUMENT", 2_000)
    editor, line = Editor(), Line(Rows())
    ref = (await line.node()).ref(DOCUMENT, ID)
    for number in range(3):
        before = editor.doc.get_state()
        editor.text.insert(0, "x" * 900)
        update = editor.doc.get_update(before)
        if number < 2:
            await ref.ask(edit(update))
        else:
            with pytest.raises(DomainError, match="at most 2000 bytes") as refusal:
                await ref.ask(edit(update))
            assert refusal.value.code == "document_full"
    other = Editor()
    state = await ref.ask(ReadDocument(person_id="ann", most=10_000))
    other.doc.apply_update(state.update or b"")
    before = other.doc.get_state()
    del other.text[0:1500]
    await ref.ask(edit(other.doc.get_update(before)))
    before = other.doc.get_state()
    other.text.insert(0, "y" * 900)
    await ref.ask(edit(other.doc.get_update(before)))


async def test_a_hundred_sockets_follow_a_document_and_no_more_until_one_leaves() -> None:
    ref = (await Line(Rows()).node()).ref(DOCUMENT, ID)

    async def join(number: int) -> None:
        await ref.ask(JoinDocument(person_id=f"p{number}", node="n2", socket=f"s{number}", most=100))

    for number in range(MAX_PEOPLE):
        await join(number)
    with pytest.raises(DomainError) as refusal:
        await join(MAX_PEOPLE)
    assert refusal.value.code == "document_full"
    await join(3)  # again, from where it has it
    still = {f"s{number}": f"p{number}" for number in range(MAX_PEOPLE - 1)}
    gone = await ref.ask(DocumentSockets(node="n2", sockets={**still, "s-nobody": "nobody"}))
    assert gone == ("s-nobody",)
    await join(MAX_PEOPLE)


async def test_a_version_is_kept_of_how_people_left_it_and_when_an_edit_asks_for_one() -> None:
    rows, editor = Rows(), Editor()
    line = Line(rows)

    def typed(text: str) -> bytes:
        before = editor.doc.get_state()
        editor.text.insert(len(editor.text), text)
        return editor.doc.get_update(before)

    node = await line.node()
    await node.ref(DOCUMENT, ID).ask(edit(typed("one")))
    await node.ref(DOCUMENT, ID).ask(edit(typed(" two")))
    assert rows.versions == []
    await node.stop(budget_s=1)
    rows.version_age_s = document.VERSION_S
    node = await line.node()
    await node.ref(DOCUMENT, ID).ask(edit(typed(" three")))
    assert rows.versions == ["one two"]
    await node.ref(DOCUMENT, ID).ask(edit(typed(" four")))
    assert rows.versions == ["one two"]
    asking = ApplyUpdate(person_id="ann", update=typed(" five"), keep_version=True)
    await node.ref(DOCUMENT, ID).ask(asking)
    assert rows.versions == ["one two", "one two three four"]
    await node.stop(budget_s=1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "new"),
        ("gone", ""),
        ("one two three", "one 2 three"),
        ("a😀b", "a😎b"),
        ("aaa", "aa"),
        ("مرحبا بك", "مرحبا 😀 بكم"),
    ],
)
def test_a_content_becomes_a_text_by_one_edit(before: str, after: str) -> None:
    editor = Editor()
    editor.text.insert(0, before)
    content, other = Content([editor.doc.get_update()]), Content([editor.doc.get_update()])
    made = content.become(after)
    assert made is not None
    other.apply(made)
    assert content.text() == other.text() == after
    assert content.become(after) is None
