"""Each text that people make public is judged once it is there: by the operator's words, then by the text model.

Where the model is absent, broken or late, a text is judged by the rules alone, shown, and judged again later.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from server.features.people.facts import AccountCreated, ProfileChanged
from server.features.safety.cases import Subject
from server.features.safety.cases.rules import Action, Reason
from server.features.safety.screening.model import TextModel
from server.features.safety.screening.texts import text_of
from server.features.safety.screening.verdicts import Judge, Kind, Verdict, labels_of, pieces_of
from server.features.social.communities.facts import CommunityChanged
from server.features.social.posts.facts import PostEdited, PostPublished
from server.features.videos.library.facts import VideoReady
from server.jobs import Attempt, Job, Jobs, RetryLater
from server.sentences.process import ModelAway
from storage.facts import Consumer
from storage.postgres import Database, Transaction
from storage.stream_facts import StreamDescribed

TRIES: Final = 8
AGAIN_AFTER_S: Final = 600.0
FEWEST_WORDS: Final = 2
"""The model reads sentences: of a single word the rules have the say."""
_SHOWN: Final[dict[str, Action]] = {"blur": "blur", "hold": "hide", "remove": "remove"}
_ACTIONS: Final[dict[Kind, dict[str, Action]]] = {
    "post": _SHOWN,
    "stream": _SHOWN,
    "video": _SHOWN,
    "message": {"hold": "hide", "remove": "remove"},
}
"""What becomes of a thing; of others there is a case alone, since a person or a community is more than its text."""
_REASONS: Final[dict[str, Reason]] = {"toxicity": "harassment", "spam": "spam", "repeats": "spam", "word": "other"}

log = logging.getLogger("server.screening")


class FlagThings(Protocol):
    async def flag(
        self,
        tx: Transaction,
        subject: Subject,
        *,
        reason: Reason,
        why: str,
        screening: dict[str, Any],
        action: Action | None,
    ) -> str | None: ...


class ScreenText(msgspec.Struct, frozen=True, kw_only=True):
    kind: Kind
    id: str


class Flagging:
    """Cases of what is not let pass. ``settle`` carries an act out at once, after the commit."""

    def __init__(self, *, flags: FlagThings, settle: Callable[[str], Awaitable[None]]) -> None:
        self._flags = flags
        self.settle = settle

    async def flag(self, tx: Transaction, subject: Subject, text: str, verdict: Verdict, version: str) -> str | None:
        """The id of the act or case; None where the same text of the thing was flagged before."""
        screening = {
            "text": hashlib.sha256(text.encode()).hexdigest(),
            "outcome": verdict.outcome,
            "labels": dict(verdict.labels),
            "model": version,
        }
        kind: Any = subject.kind
        return await self._flags.flag(
            tx,
            subject,
            reason=_REASONS[verdict.label],
            why=f"Found by screening: {verdict.label}",
            screening=screening,
            action=_ACTIONS.get(kind, {}).get(verdict.outcome),
        )


class Screening:
    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        judge: Judge,
        model: TextModel | None,
        flagging: Flagging,
    ) -> None:
        """``model``: None where the operator wants none."""
        self._db = db
        self._jobs = jobs
        self._judge = judge
        self._model = model
        self._flagging = flagging
        self.job: Final = Job(
            name="screening.text", body=ScreenText, run=self._run, timeout_s=60.0, tries=TRIES, at_once_on_node=4
        )
        self.consumers: Sequence[Consumer[Any]] = (
            Consumer(PostPublished, self._published),
            Consumer(PostEdited, self._edited),
            Consumer(AccountCreated, self._account),
            Consumer(ProfileChanged, self._profile),
            Consumer(StreamDescribed, self._stream),
            Consumer(CommunityChanged, self._community),
            Consumer(VideoReady, self._video),
        )

    async def judged(self, kind: Kind, text: str) -> tuple[Verdict, str, str]:
        """The verdict, the version of the model, and why it had no say, if it had none."""
        labels, version, why = self._judge.policy(text), "", ""
        pieces = pieces_of(text)
        if self._model is not None and sum(len(one.split()) for one in pieces) >= FEWEST_WORDS:
            try:
                version, scores = await self._model.scores(pieces)
                labels |= labels_of(scores)
            except ModelAway as error:
                why = str(error)
        return self._judge.verdict(kind, labels), version, why

    async def _run(self, attempt: Attempt[ScreenText]) -> None:
        kind, subject_id = attempt.body.kind, attempt.body.id
        found = await text_of(self._db, kind, subject_id)
        if found is None:
            return
        subject, text = found
        verdict, version, why = await self.judged(kind, text)
        if verdict.outcome != "allow":
            async with attempt.step() as tx:
                act_id = await self._flagging.flag(tx, subject, text, verdict, version)
            if act_id is not None:
                await self._flagging.settle(act_id)
        if why and attempt.number < TRIES:
            log.warning("a %s is judged by the rules alone for now: %s", kind, why)
            raise RetryLater(why, after_s=AGAIN_AFTER_S)

    async def _enqueue(self, tx: Transaction, kind: Kind, subject_id: str) -> None:
        await self._jobs.enqueue(tx, self.job, ScreenText(kind=kind, id=subject_id))

    async def _published(self, tx: Transaction, fact: PostPublished) -> None:
        if fact.repost_of is None and fact.stream_id is None:
            await self._enqueue(tx, "post", fact.post_id)

    async def _edited(self, tx: Transaction, fact: PostEdited) -> None:
        await self._enqueue(tx, "post", fact.post_id)

    async def _account(self, tx: Transaction, fact: AccountCreated) -> None:
        await self._enqueue(tx, "person", fact.person_id)

    async def _profile(self, tx: Transaction, fact: ProfileChanged) -> None:
        await self._enqueue(tx, "person", fact.person_id)

    async def _stream(self, tx: Transaction, fact: StreamDescribed) -> None:
        await self._enqueue(tx, "stream", fact.stream_id)

    async def _community(self, tx: Transaction, fact: CommunityChanged) -> None:
        await self._enqueue(tx, "community", fact.community_id)

    async def _video(self, tx: Transaction, fact: VideoReady) -> None:
        await self._enqueue(tx, "video", fact.video_id)
