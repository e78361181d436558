"""Models: a registry of their versions with measures, from which operators choose, and to which they roll back."""

from __future__ import annotations

from dataclasses import dataclass

from server.feature import Feature, Platform
from server.features.insight.models.registry import Model, Registry, Shipped
from server.features.insight.models.routes import ModelRoutes

__all__ = ["Model", "ModelsRoom", "Registry", "Shipped", "build"]


@dataclass(frozen=True, kw_only=True)
class ModelsRoom:
    """``registry``: where rooms declare their models."""

    feature: Feature
    registry: Registry


def build(platform: Platform) -> ModelsRoom:
    registry = Registry(db=platform.db, objects=platform.objects, now=platform.now)
    routes = ModelRoutes(registry=registry, db=platform.db, audit=platform.audit)
    return ModelsRoom(feature=Feature(name="models", operations=routes.operations()), registry=registry)
