"""``PUT /api/v1/streams/{stream_id}/restrictions``: the countries and ages that a stream is for, and its warning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final

from pydantic import AfterValidator, Field, field_validator, model_validator

from actors.restrictions import Restrictions
from actors.runtime import Node
from actors.stream_messages import RestrictStream
from server.http.countries import CODES
from server.http.errors import invalid_field
from server.http.limits import OWN_SETTINGS
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Body, Text, one_line
from server.live.rights import Rights
from server.live.stream_access import StreamAccess
from server.live.stream_directory import shown_restrictions
from server.live.stream_shapes import TAG, RestrictionsShape
from storage.audit import AuditLog
from storage.postgres import Database

MAX_AGE: Final = 25
MAX_WARNING: Final = 300
NO_DATABASE: Final = "cannot be set: this server has no database of countries (geoip_database)"


def _country(code: str) -> str:
    if code not in CODES:
        raise ValueError("is no country: two capital letters, as ISO 3166-1 has them")
    return code


Country = Annotated[str, Field(min_length=2, max_length=2, examples=["DE"]), AfterValidator(_country)]
Warning_ = Annotated[Text, Field(max_length=MAX_WARNING), AfterValidator(partial(one_line, at_most=MAX_WARNING))]


class CountriesBody(Body):
    """One of the two. An address whose country is not known is in neither: ``allow`` refuses it, ``deny`` does not."""

    allow: Annotated[list[Country], Field(min_length=1, max_length=len(CODES))] | None = None
    deny: Annotated[list[Country], Field(min_length=1, max_length=len(CODES))] | None = None

    @model_validator(mode="after")
    def _one(self) -> CountriesBody:
        if (self.allow is None) == (self.deny is None):
            raise ValueError("has either allow or deny")
        return self

    @field_validator("allow", "deny")
    @classmethod
    def _each_once(cls, codes: list[str] | None) -> list[str] | None:
        return None if codes is None else sorted(set(codes))


class RestrictionsBody(Body):
    """All of them: what is not given is lifted."""

    countries: CountriesBody | None = None
    min_age: Annotated[int, Field(ge=1, le=MAX_AGE, description="In years")] | None = None
    content_warning: Annotated[Warning_, Field(description="Shown before the stream is played")] | None = None


class RestrictionRoutes:
    def __init__(
        self,
        *,
        access: StreamAccess,
        node: Node,
        rights: Rights,
        db: Database,
        audit: AuditLog,
        knows_countries: bool,
    ) -> None:
        """``knows_countries``: whether this node can tell where viewers are."""
        self._access = access
        self._node = node
        self._rights = rights
        self._db = db
        self._audit = audit
        self._knows_countries = knows_countries

    def operations(self) -> Sequence[Operation]:
        path, paths = "/api/v1/streams/{stream_id}/restrictions", {"stream_id": UUID}
        return [
            Operation(
                method="PUT", path=path, handler=self._put, name="restrictStream", tag=TAG, paths=paths,
                body=RestrictionsBody,
                summary="Whom a stream is for: by its owner or a moderator; other viewers are cut off at once",
                answers={200: RestrictionsShape}, problems=frozenset({403, 404}), auth="required", scope="stream",
                account_rate=OWN_SETTINGS,
            ),
        ]  # fmt: skip

    async def _put(self, call: Call[RestrictionsBody, None]) -> Answer:
        body = call.body
        if body.countries is not None and not self._knows_countries:
            raise invalid_field("countries", NO_DATABASE)
        view = await self._access.moderated(call)
        wanted = wanted_restrictions(body, view.restrictions)
        if view.owner.id != call.me.id:
            async with self._db.transaction() as tx:
                await self._audit.add(tx, "stream.restricted", actor_id=call.me.id, subject=view.id, ip=call.address)
        view = await self._node.ref("stream", view.id).ask(RestrictStream(restrictions=wanted))
        await self._rights.heed()
        return Answer(200, shown_restrictions(view.restrictions) or RestrictionsShape())


def wanted_restrictions(body: RestrictionsBody, before: Restrictions) -> Restrictions:
    """Those that are asked for; what moderators and owners of works withhold stays so."""
    countries = body.countries or CountriesBody.model_construct()
    return Restrictions(
        allow=tuple(countries.allow or ()),
        deny=tuple(countries.deny or ()),
        min_age=body.min_age,
        content_warning=body.content_warning or "",
        withheld=before.withheld,
        claimed=before.claimed,
    )
