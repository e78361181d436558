"""``GET /api/v1/admin/assistant``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.features.town.assistant.budget import Budget
from server.features.town.assistant.figures import Figures
from server.features.town.assistant.shapes import EngineShape
from server.features.town.assistant_settings import AssistantSettings, engine_of
from server.http.operation import Answer, Call, Operation

ADMINS: Final = frozenset({"admin"})


class AdminRoutes:
    def __init__(self, *, settings: AssistantSettings, figures: Figures, budget: Budget) -> None:
        self._settings = settings
        self._figures = figures
        self._budget = budget

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/admin/assistant", handler=self._engine, name="getAssistantEngine",
                tag="assistant", auth="required", roles=ADMINS, problems=frozenset({403}), answers={200: EngineShape},
                summary="How the assistant's engine does, and what was asked today",
            )
        ]  # fmt: skip

    async def _engine(self, call: Call[None, None]) -> Answer:
        used, figures = await self._budget.used(), self._figures
        return Answer(
            body=EngineShape(
                engine=engine_of(self._settings),
                model=self._settings.assistant_model,
                answers=figures.answers,
                failures=dict(figures.failures),
                last_failure=figures.last_failure,
                first_word_p50_s=figures.first_word_s(0.5),
                first_word_p95_s=figures.first_word_s(0.95),
                people_today=used.people,
                questions_today=used.questions,
                tokens_today=used.tokens,
            )
        )
