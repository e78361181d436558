"""The assistant: answers from what the asker may see, with its sources, by a model that the operator names."""

from __future__ import annotations

import time
from datetime import date
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform
from server.features.town.assistant.answering import ANSWER_S, Answering
from server.features.town.assistant.budget import Budget
from server.features.town.assistant.engines import Engine
from server.features.town.assistant.figures import Figures
from server.features.town.assistant.openai_api import OpenAiApi
from server.features.town.assistant.retrieval import Retrieval
from server.features.town.assistant.routes import AssistantRoutes
from server.features.town.assistant.shapes import MAX_TEXT
from server.features.town.assistant_settings import AssistantSettings, engine_of
from server.features.town.help.articles import Articles
from server.jobs import repeated
from server.outbound.http import PublicHttp
from server.outbound.public_addresses import PublicAddresses
from storage.postgres import Transaction

__all__ = ["build"]

PRUNE_S: Final = 86_400.0


def build(platform: Platform, *, settings: AssistantSettings, articles: Articles, site_name: str) -> Feature:
    engine, figures = _engine(settings), Figures()
    answering = Answering(
        engine=engine,
        retrieval=Retrieval(articles=articles),
        figures=figures,
        site=site_name,
        wait_s=settings.assistant_wait_s,
        monotonic=time.monotonic,
    )
    budget = Budget(
        db=platform.db,
        now=platform.now,
        questions=settings.assistant_daily_questions,
        tokens=settings.assistant_daily_tokens,
    )
    routes = AssistantRoutes(
        db=platform.db,
        answering=answering if engine_of(settings) != "off" else None,
        budget=budget,
        most=settings.assistant_answer_tokens,
    )
    return Feature(
        name="assistant",
        operations=routes.operations(),
        schedules=[repeated("assistant.prune", budget.prune, every_s=PRUNE_S)],
        personal_data=PersonalData(tables=frozenset({"assistant_days"}), sections=SECTIONS, erase=_erase),
        limits={"assistant_chars": MAX_TEXT, "assistant_daily_questions": settings.assistant_daily_questions},
        gauges=figures.gauges if engine is not None else None,
        close=engine.close if engine is not None else None,
    )


def _engine(settings: AssistantSettings) -> Engine | None:
    if engine_of(settings) != "api":
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


SECTIONS: Final = (
    ExportSection(
        name="assistant_days",
        sql="select day, questions, tokens from assistant_days where person_id = $1 and day > $2::date "
        "order by day limit $3",
        key=("day",),
        start=(date.min,),
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute("delete from assistant_days where person_id = $1", person_id)
