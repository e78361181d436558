"""The assistant: answers from what the asker may see, with its sources, by a model that the operator names."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.town.assistant.admin_routes import AdminRoutes
from server.features.town.assistant.answering import ANSWER_S, Answering
from server.features.town.assistant.asking import Asking
from server.features.town.assistant.budget import Budget
from server.features.town.assistant.conversations import Conversations
from server.features.town.assistant.engines import Engine
from server.features.town.assistant.figures import Figures
from server.features.town.assistant.local_model import LocalModel
from server.features.town.assistant.meaning import Meaning
from server.features.town.assistant.openai_api import OpenAiApi
from server.features.town.assistant.own_things import own_things
from server.features.town.assistant.proposals import Proposals
from server.features.town.assistant.retrieval import Finds, Retrieval, known_texts
from server.features.town.assistant.routes import AssistantRoutes
from server.features.town.assistant.shapes import MAX_TEXT
from server.features.town.assistant.tools import Tools
from server.features.town.assistant.trials import Trials
from server.features.town.assistant_settings import AssistantSettings, engine_of, order_of
from server.features.town.help.articles import Articles, Words
from server.features.town.help.tickets import Tickets
from server.features.town.market.orders import Orders
from server.jobs import repeated
from server.live.addresses import MediaAddresses
from server.llama.process import LlamaProcess
from server.outbound.http import PublicHttp
from server.outbound.public_addresses import PublicAddresses
from server.sentences.process import EncoderProcess
from storage.postgres import Transaction

__all__ = ["build"]

PRUNE_S: Final = 86_400.0


def build(
    platform: Platform,
    *,
    settings: AssistantSettings,
    rooms: Sequence[str],
    articles: Articles,
    tickets: Tickets,
    orders: Orders,
    finds: Finds,
    words: Words,
    addresses: MediaAddresses,
    site_name: str,
) -> Feature:
    """``rooms``: those that the operator has left there."""
    engine, figures, encoder = _engine(settings), Figures(now=platform.now), EncoderProcess()
    meaning = (
        Meaning(encode=encoder.encode, known=known_texts(articles))
        if settings.assistant_vectors and engine_of(settings) != "off"
        else None
    )
    retrieval = Retrieval(
        articles=articles,
        finds=finds,
        own=own_things(rooms, tickets=tickets, orders=orders),
        words=words,
        meaning=meaning,
    )
    proposals = Proposals(
        db=platform.db, ids=platform.ids, now=platform.now, tickets=tickets if "help" in rooms else None
    )
    conversations = Conversations(
        db=platform.db, ids=platform.ids, now=platform.now, kept=timedelta(days=settings.assistant_kept_days)
    )
    budget = Budget(
        db=platform.db,
        now=platform.now,
        questions=settings.assistant_daily_questions,
        tokens=settings.assistant_daily_tokens,
    )
    answering = Answering(
        engine=engine,
        retrieval=retrieval,
        tools=Tools(search=retrieval.found, propose=proposals.propose if "help" in rooms else None),
        figures=figures,
        site=site_name,
        wait_s=settings.assistant_wait_s,
        monotonic=time.monotonic,
    )
    trials = (
        None if engine is None else Trials(engine=engine, wait_s=settings.assistant_wait_s, monotonic=time.monotonic)
    )
    asking = partial(
        Asking,
        db=platform.db,
        budget=budget,
        conversations=conversations,
        addresses=addresses,
        most=settings.assistant_answer_tokens,
    )
    routes = AssistantRoutes(
        answering=answering if engine_of(settings) != "off" else None,
        asking=lambda answering: asking(answering=answering),
        budget=budget,
        conversations=conversations,
        proposals=proposals,
    )

    async def prune() -> None:
        for each in (budget, conversations, proposals):
            await each.prune()

    async def close() -> None:
        if meaning is not None:
            await meaning.close()
        await encoder.close()
        if engine is not None:
            await engine.close()

    return Feature(
        name="assistant",
        operations=[
            *routes.operations(),
            *AdminRoutes(settings=settings, figures=figures, budget=budget, trials=trials).operations(),
        ],
        schedules=[repeated("assistant.prune", prune, every_s=PRUNE_S)],
        personal_data=PersonalData(tables=TABLES, sections=SECTIONS, erase=_erase),
        limits={"assistant_chars": MAX_TEXT, "assistant_daily_questions": settings.assistant_daily_questions},
        gauges=figures.gauges if engine is not None else None,
        begin=engine.begin if isinstance(engine, LocalModel) else None,
        close=close,
    )


def _engine(settings: AssistantSettings) -> Engine | None:
    name = engine_of(settings)
    if name == "local":
        return LocalModel(
            process=LlamaProcess(order=order_of(settings), monotonic=time.monotonic),
            answer_tokens=settings.assistant_answer_tokens,
            within_s=ANSWER_S,
        )
    if name != "api":
        return None
    assert settings.assistant_api_base is not None
    assert settings.assistant_model is not None
    return OpenAiApi(
        http=PublicHttp(addresses=PublicAddresses(allow_private=True)),  # the operator's own word, and nobody else's
        base=settings.assistant_api_base,
        key=settings.assistant_api_key,
        model=settings.assistant_model,
        answer_tokens=settings.assistant_answer_tokens,
        within_s=ANSWER_S,
    )


TABLES: Final = frozenset({"assistant_days", "assistant_conversations", "assistant_proposals"})
SECTIONS: Final = (
    rows_by_id(
        "assistant_conversations", "id, title, created_at, changed_at", "assistant_conversations where person_id = $1"
    ),
    rows_by_id(
        "assistant_messages",
        "m.id, m.conversation_id, m.role, m.text, m.sources, m.created_at",
        "assistant_messages m join assistant_conversations c on c.id = m.conversation_id where c.person_id = $1",
        "m.id",
    ),
    rows_by_id(
        "assistant_proposals", "id, tool, arguments, created_at, decided_at, is_confirmed",
        "assistant_proposals where person_id = $1",
    ),
    ExportSection(
        name="assistant_days",
        sql="select day, questions, tokens from assistant_days where person_id = $1 and day > $2::date "
        "order by day limit $3",
        key=("day",),
        start=(date.min,),
    ),
)  # fmt: skip


async def _erase(tx: Transaction, person_id: str) -> None:
    for table in sorted(TABLES):
        await tx.execute(f"delete from {table} where person_id = $1", person_id)
