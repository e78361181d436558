"""``/api/v1/me/wellbeing/guardians`` and ``/minors``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.town.wellbeing.guardian_shapes import GuardBody, GuardianshipsShape
from server.features.town.wellbeing.guardians import Guardians
from server.features.town.wellbeing.wellbeing import Wellbeing
from server.http.limits import hourly
from server.http.operation import USERNAME, Answer, Call, Operation

MINE: Final = "/api/v1/me/wellbeing"
GUARDING: Final = hourly("guardians", 60)


class GuardianRoutes:
    def __init__(self, *, guardians: Guardians, wellbeing: Wellbeing) -> None:
        self._guardians = guardians
        self._wellbeing = wellbeing

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": "wellbeing", "auth": "required"}
        named: dict[str, Any] = {**mine, "paths": {"username": USERNAME}, "account_rate": GUARDING}
        return [
            Operation(
                method="GET", path=f"{MINE}/guardians", handler=self._of, name="listGuardians",
                answers={200: GuardianshipsShape}, summary="Your guardian, and whose you are", **mine,
            ),
            Operation(
                method="PUT", path=f"{MINE}/minors/{{username}}", handler=self._decide, name="putMinor", body=GuardBody,
                answers={200: GuardianshipsShape}, problems=frozenset({404, 409}),
                summary="Offer to be the guardian of a minor, or decide what holds for them", **named,
            ),
            Operation(
                method="DELETE", path=f"{MINE}/minors/{{username}}", handler=self._end, name="endGuardianship",
                answers={204: None}, problems=frozenset({404}), summary="Be their guardian no longer", **named,
            ),
            Operation(
                method="PUT", path=f"{MINE}/guardians/{{username}}", handler=self._accept, name="acceptGuardian",
                answers={200: GuardianshipsShape}, problems=frozenset({404, 409}),
                summary="Accept, as a minor, who offers to be your guardian", **named,
            ),
            Operation(
                method="DELETE", path=f"{MINE}/guardians/{{username}}", handler=self._decline, name="declineGuardian",
                answers={204: None}, problems=frozenset({403, 404}), summary="Decline an offer", **named,
            ),
            Operation(
                method="DELETE", path="/api/v1/moderation/guardians/{username}", handler=self._release,
                name="releaseMinor", tag="moderation", auth="required", paths={"username": USERNAME},
                roles=frozenset({"admin", "moderator"}), scope="moderate", account_rate=GUARDING, answers={204: None},
                problems=frozenset({403, 404}), summary="A minor who asked for it has no guardian any more",
            ),
        ]  # fmt: skip

    async def _of(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._guardians.of(call.me.id))

    async def _decide(self, call: Call[GuardBody, None]) -> Answer:
        minor_id, holds = await self._guardians.decide(call.me.id, call.path["username"], call.body)
        if holds:
            await self._wellbeing.settle_hours(minor_id)
        return await self._of_me(call.me.id)

    async def _end(self, call: Call[None, None]) -> Answer:
        await self._guardians.end(call.me.id, call.path["username"])
        return Answer(204)

    async def _accept(self, call: Call[None, None]) -> Answer:
        await self._guardians.accept(call.me.id, call.path["username"])
        await self._wellbeing.settle_hours(call.me.id)
        return await self._of_me(call.me.id)

    async def _decline(self, call: Call[None, None]) -> Answer:
        await self._guardians.decline(call.me.id, call.path["username"])
        return Answer(204)

    async def _release(self, call: Call[None, None]) -> Answer:
        await self._guardians.release(call.path["username"], by=call.me.id)
        return Answer(204)

    async def _of_me(self, me: str) -> Answer:
        return Answer(body=await self._guardians.of(me))
