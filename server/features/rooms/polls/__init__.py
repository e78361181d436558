"""Polls: a question to the room of a stream, one vote an account, shown at its moment of the video."""

from __future__ import annotations

from typing import Final

from server.feature import NO_UUID, ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.rooms import texts
from server.features.rooms.arrivals import Arrivals
from server.features.rooms.listing import list_operation
from server.features.rooms.media_clock import MediaClock
from server.features.rooms.polls import queries, rules
from server.features.rooms.polls.events import PollEvents
from server.features.rooms.polls.polls import Polls
from server.features.rooms.polls.shapes import POLL_STATE, PollsShape
from server.features.rooms.state_sender import StateSenders
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform, *, clock: MediaClock, senders: StateSenders) -> Feature:
    polls = Polls(
        db=platform.db,
        jobs=platform.jobs,
        audit=platform.audit,
        ids=platform.ids,
        now=platform.now,
        clock=clock,
        senders=senders,
    )
    arrivals = Arrivals(event=POLL_STATE.name, open_in=polls.open_in)

    async def close() -> None:
        await arrivals.close()
        await polls.close_votes()

    return Feature(
        name="polls",
        operations=[list_operation(noun="polls", listed=polls.listed, shape=PollsShape, db=platform.db)],
        events=PollEvents(polls=polls).events(),
        sent=(POLL_STATE,),
        entered=arrivals.entered,
        jobs=[polls.job],
        personal_data=PersonalData(tables=frozenset({"polls", "poll_votes"}), sections=SECTIONS, erase=_erase),
        limits={
            "poll_options": texts.MAX_CHOICES,
            "poll_question_chars": texts.MAX_QUESTION,
            "poll_option_chars": texts.MAX_CHOICE,
            "poll_seconds": rules.MAX_SECONDS,
            "polls_open": rules.MAX_OPEN,
        },
        close=close,
    )


SECTIONS: Final = (
    rows_by_id("polls", "id, room_id, question, options, opened_at, closes_at", "polls where author_id = $1"),
    ExportSection(
        name="poll_votes",
        sql="select v.poll_id, p.question, p.options[v.option + 1] as option, v.voted_at from poll_votes v"
        " join polls p on p.id = v.poll_id where v.person_id = $1 and v.poll_id > $2::uuid order by v.poll_id limit $3",
        key=("poll_id",),
        start=(NO_UUID,),
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
