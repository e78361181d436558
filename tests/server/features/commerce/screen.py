"""A node of its own, by a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.features.commerce.ads.beacons import Beacons
from server.features.commerce.ads.decisions import Decisions
from server.features.commerce.ads.running import Leases, Running
from server.features.commerce.ads.tokens import Asker, Place, Tokens
from server.http.errors import Problem
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer
from storage.ids import Ids
from tests.server.features.commerce.conftest import Agency, new_id

HOME, CAFE = "203.0.113.7", "203.0.113.8"


@dataclass
class Screen:
    """Decides for viewers, and takes what they tell."""

    agency: Agency
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    gap_s: int = 0
    a_day: int = 1_000
    country: str | None = None
    floor: int = 10

    def __post_init__(self) -> None:
        db, now, tokens = self.agency.kit.database, (lambda: self.at), Tokens(seals=self.agency.kit.identity)
        self.tokens = tokens
        self.beacons = Beacons(db=db, now=now, tokens=tokens, percent=55)
        self.decisions = Decisions(
            db=db, ids=Ids(), now=now, running=Running(db=db, now=now, floor=self.floor),
            leases=Leases(db=db, ids=Ids(), now=now, node_name=new_id()), tokens=tokens,
            addresses=MediaAddresses(seals=self.agency.kit.identity), a_day=self.a_day,
            gap=timedelta(seconds=self.gap_s),
        )  # fmt: skip

    async def decide(
        self,
        viewer: str | None = None,
        address: str = HOME,
        place: Place = "pre",
        break_id: str | None = None,
        guest: str | None = None,
    ) -> Any:
        asker = Viewer(id=viewer, session_id=viewer, country=self.country)
        return await self.decisions.decide(
            asker, Asker(person_id=viewer, address=address, guest_id=guest), self.agency.stream, place=place,
            break_id=break_id,
        )  # fmt: skip

    async def tell(
        self, ad: Any, part: str, viewer: str | None = None, address: str = HOME, guest: str | None = None
    ) -> None:
        asker = Asker(person_id=viewer, address=address, guest_id=guest)
        await self.beacons.take(ad["beacons"][part].rpartition("/")[2], asker)

    async def refused(
        self, ad: Any, part: str, viewer: str | None = None, address: str = HOME, guest: str | None = None
    ) -> tuple[int, str]:
        with pytest.raises(Problem) as caught:
            await self.tell(ad, part, viewer, address, guest)
        return caught.value.status, caught.value.slug

    async def watch(self, viewer: str | None = None, address: str = HOME) -> Any:
        """All of it."""
        ad = await self.decide(viewer, address)
        assert ad is not None
        for part in ("0", "25", "50", "75", "100"):
            await self.tell(ad, part, viewer, address)
            self.at += timedelta(seconds=1.5)
        return ad
