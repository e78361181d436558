"""Words that a person does not want to read, in what others post and write: a setting of the person's own.

Rooms above ask ``HiddenWords`` which texts to leave out for whom. Words are compared as screenings of chat compare
them (``actors.screening``): in any case, without accents, through look-alikes and letters written apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform
from server.features.people.hidden_words.hidden_words import OWN, HiddenWords, Hides, hides, nothing_hidden
from server.features.people.hidden_words.routes import HiddenWordRoutes
from server.features.people.settings import PeopleSettings
from server.http.limits import OWN_SETTINGS
from storage.postgres import Transaction

__all__ = ["OWN", "HiddenWords", "HiddenWordsRoom", "Hides", "build", "hides", "nothing_hidden"]


@dataclass(frozen=True, kw_only=True)
class HiddenWordsRoom:
    feature: Feature
    hidden_words: HiddenWords


def build(platform: Platform, *, settings: PeopleSettings) -> HiddenWordsRoom:
    hidden_words = HiddenWords(now=platform.now)
    routes = HiddenWordRoutes(
        db=platform.db, now=platform.now, most=settings.max_hidden_words, rate=OWN_SETTINGS, words=hidden_words
    )
    feature = Feature(
        name="hidden_words",
        operations=routes.operations(),
        limits={"hidden_words": settings.max_hidden_words},
        personal_data=PersonalData(tables=frozenset({"hidden_words"}), sections=(SECTION,), erase=_erase),
    )
    return HiddenWordsRoom(feature=feature, hidden_words=hidden_words)


SECTION: Final = ExportSection(
    name="hidden_words",
    sql="select text, expires_at, created_at from hidden_words where person_id = $1 and text > $2 "
    "order by text limit $3",
    key=("text",),
    start=("",),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute("delete from hidden_words where person_id = $1", person_id)
