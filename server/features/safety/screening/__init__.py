"""Screening: texts that people make public get labels with scores, and by the operator's thresholds an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.feature import Feature, Platform
from server.features.safety.cases import CasesRoom
from server.features.safety.screening.chat import EVERY_S, ChatScreening
from server.features.safety.screening.model import FALLBACK, NAME, SUMMARY, TextModel, Versions, shipped
from server.features.safety.screening.screening import Flagging, Screening
from server.features.safety.screening.verdicts import Judge
from server.features.safety.screening_settings import ScreeningSettings, thresholds_of
from server.jobs import repeated
from server.sentences.process import EncoderProcess, ModelAway

__all__ = ["FALLBACK", "NAME", "SUMMARY", "ScreeningRoom", "build", "shipped"]


@dataclass(frozen=True, kw_only=True)
class ScreeningRoom:
    """``model``: None where the operator wants none."""

    feature: Feature
    model: TextModel | None

    async def mood(self, texts: Sequence[str]) -> float | None:
        """Of messages, for the dashboards of creators: from -1 (bad) to 1 (good); None without a model."""
        try:
            return await self.model.mood(texts) if self.model is not None else None
        except ModelAway:
            return None


def build(platform: Platform, *, settings: ScreeningSettings, cases: CasesRoom, versions: Versions) -> ScreeningRoom:
    encoder = EncoderProcess()
    model = TextModel(versions=versions, encode=encoder.encode)
    words = [one.strip() for one in settings.screening_words.split(",") if one.strip()]
    judge = Judge(thresholds=thresholds_of(settings.screening_thresholds), words=words)
    used = model if settings.screening_model else None
    flagging = Flagging(flags=cases.flags, settle=cases.settle)
    screening = Screening(db=platform.db, jobs=platform.jobs, judge=judge, model=used, flagging=flagging)
    chat = ChatScreening(
        db=platform.db,
        judge=judge,
        model=used,
        flagging=flagging,
        conversations=settings.screening_conversations,
        now=platform.now,
    )
    feature = Feature(
        name="screening",
        consumers=screening.consumers,
        jobs=[screening.job],
        schedules=[repeated("screening.chat", chat.look, every_s=EVERY_S)],
        close=encoder.close,
    )
    return ScreeningRoom(feature=feature, model=used)
