"""``/api/v1/admin/models``: models with their versions and measures, and which version is in use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.insight.models.registry import Known, Registry
from server.http.errors import invalid_field, not_found
from server.http.operation import NAME, Answer, Call, Operation
from server.http.shapes import Body, Shape, Text
from storage.audit import AuditLog
from storage.postgres import Database

TAG: Final = "insight"
ADMINS: Final = frozenset({"admin"})


class ModelVersionShape(Shape):
    version: str
    active: bool
    measures: Annotated[dict[str, float], Field(description="What it reached on what it was tried on, by name")]
    created_at: Annotated[datetime | None, Field(description="null: it comes with the server")]
    size: Annotated[int | None, Field(description="Bytes")]


class ModelShape(Shape):
    name: str
    summary: str
    state: Annotated[
        Literal["ready", "fallback", "absent"],
        Field(description="`fallback`: the version in use can't be had; `absent`: there is none yet"),
    ]
    why: Annotated[str, Field(description="Why it is not ready; empty when it is")]
    fallback: Annotated[str, Field(description="What the server does without it")]
    version: Annotated[str | None, Field(description="In use")]
    previous: Annotated[str | None, Field(description="In use before: activate it to roll back")]
    versions: list[ModelVersionShape]


class ModelsShape(Shape):
    items: list[ModelShape]
    next: Annotated[None, Field(description="There are no more pages")] = None


class ActivateBody(Body):
    version: Annotated[Text, Field(min_length=1, max_length=100)]


class ModelRoutes:
    def __init__(self, *, registry: Registry, db: Database, audit: AuditLog) -> None:
        self._registry = registry
        self._db = db
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        admins: dict[str, Any] = {"tag": TAG, "auth": "required", "roles": ADMINS}
        return [
            Operation(
                method="GET", path="/api/v1/admin/models", handler=self._list, name="listModels",
                summary="Models, their versions with measures, and which is in use", answers={200: ModelsShape},
                **admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/models/{name}/activate", handler=self._activate,
                name="activateModel", summary="Use another version of a model, or an earlier one again",
                paths={"name": NAME}, body=ActivateBody, answers={200: ModelShape}, problems=frozenset({404, 422}),
                **admins,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, None]) -> Answer:
        return Answer(body=ModelsShape(items=[_shape(one) for one in await self._registry.known()]))

    async def _activate(self, call: Call[ActivateBody, None]) -> Answer:
        name, version = call.path["name"], call.body.version
        async with self._db.transaction() as tx:
            done = await self._registry.activate(tx, name, version)
            if done is None:
                raise not_found("There is no such model")
            if not done:
                raise invalid_field("version", "must be a version of the model")
            await self._audit.add(
                tx, "model.activated", actor_id=call.me.id, subject=name, ip=call.address, detail={"version": version}
            )
        known = await self._registry.one(name)
        assert known is not None
        return Answer(body=_shape(known))


def _shape(known: Known) -> ModelShape:
    return ModelShape(
        name=known.name,
        summary=known.summary,
        state=known.state,  # type: ignore[arg-type]
        why=known.why,
        fallback=known.fallback,
        version=known.active,
        previous=known.previous,
        versions=[
            ModelVersionShape(
                version=one.version,
                active=one.version == known.active,
                measures=dict(one.measures),
                created_at=one.created_at,
                size=one.size,
            )
            for one in known.versions
        ],
    )
