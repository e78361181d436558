"""``/api/v1/admin/assistant``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from server.features.town.assistant.budget import Budget
from server.features.town.assistant.figures import Figures
from server.features.town.assistant.shapes import (
    AskerShape,
    AskersShape,
    DayShape,
    EngineShape,
    FailureShape,
    TrialShape,
)
from server.features.town.assistant.trials import Trials
from server.features.town.assistant_settings import AssistantSettings, engine_of, model_of
from server.features.town.people import person_of
from server.http.errors import Problem
from server.http.limits import hourly
from server.http.operation import Answer, Call, Operation

ADMINS: Final = frozenset({"admin"})
ROOT: Final = "/api/v1/admin/assistant"
DAYS_SHOWN: Final = 14
PEOPLE_SHOWN: Final = 100
TRIALS_PER_HOUR: Final = 60


class AdminRoutes:
    """``trials``: None where there is no model."""

    def __init__(self, *, settings: AssistantSettings, figures: Figures, budget: Budget, trials: Trials | None) -> None:
        self._settings = settings
        self._figures = figures
        self._budget = budget
        self._trials = trials

    def operations(self) -> Sequence[Operation]:
        admins: dict[str, Any] = {"tag": "assistant", "auth": "required", "roles": ADMINS}
        return [
            Operation(
                method="GET", path=ROOT, handler=self._engine, name="getAssistantEngine", answers={200: EngineShape},
                summary="How the assistant's engine does, and what was asked today", problems=frozenset({403}),
                **admins,
            ),
            Operation(
                method="GET", path=f"{ROOT}/people", handler=self._people, name="listAssistantPeople",
                summary="Who has asked the assistant most today", answers={200: AskersShape},
                problems=frozenset({403}), **admins,
            ),
            Operation(
                method="POST", path=f"{ROOT}/trial", handler=self._try, name="tryAssistantEngine",
                summary="Have the assistant's model say something", answers={200: TrialShape},
                account_rate=hourly("assistant_trials", TRIALS_PER_HOUR), problems=frozenset({403, 409}), **admins,
            ),
        ]  # fmt: skip

    async def _engine(self, call: Call[None, None]) -> Answer:
        used, figures, settings = await self._budget.used(), self._figures, self._settings
        failures = [FailureShape(**msgspec.structs.asdict(one)) for one in figures.last_failures]
        return Answer(
            body=EngineShape(
                engine=engine_of(settings),
                model=model_of(settings),
                answers=figures.answers,
                failures=dict(figures.failures),
                last_failure=failures[0].says if failures else "",
                last_failures=failures,
                first_word_p50_s=figures.first_word_s(0.5),
                first_word_p95_s=figures.first_word_s(0.95),
                people_today=used.people,
                questions_today=used.questions,
                tokens_today=used.tokens,
                daily_questions=settings.assistant_daily_questions,
                daily_tokens=settings.assistant_daily_tokens,
                days=[DayShape(**dict(row)) for row in await self._budget.days(DAYS_SHOWN)],
            )
        )

    async def _people(self, call: Call[None, None]) -> Answer:
        rows = await self._budget.people(PEOPLE_SHOWN)
        items = [
            AskerShape(person=person_of(row, "person_id"), questions=row["questions"], tokens=row["tokens"])
            for row in rows
        ]
        return Answer(body=AskersShape(items=items, next=None))

    async def _try(self, call: Call[None, None]) -> Answer:
        if self._trials is None:
            raise Problem(409, "The assistant has no model that could be tried", slug="no-model")
        trial = await self._trials.run()
        return Answer(body=TrialShape(ok=trial.failure is None, **msgspec.structs.asdict(trial)))
