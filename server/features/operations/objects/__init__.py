"""What becomes of objects by their age, class and space, and what operators see of it."""

from __future__ import annotations

from server.feature import Feature, Platform
from server.features.operations.object_settings import ObjectSettings
from server.features.operations.objects.leftovers import GB, Leftovers, Limits
from server.features.operations.objects.routes import ObjectRoutes
from storage.objects.lifecycle import ClassRule

__all__ = ["build"]


def build(platform: Platform, *, settings: ObjectSettings) -> Feature:
    rules = class_rules(settings.object_classes)
    limits = Limits(days=settings.leftover_days, bytes=settings.leftover_gb * GB)
    leftovers = Leftovers(
        db=platform.db,
        objects=platform.objects,
        now=platform.now,
        rules=rules,
        unfinished_days=settings.unfinished_days,
        limits=limits,
    )
    routes = ObjectRoutes(
        db=platform.db,
        jobs=platform.jobs,
        audit=platform.audit,
        leftovers=leftovers,
        has_classes=platform.objects.has_classes,
        rules=rules,
        unfinished_days=settings.unfinished_days,
        limits=limits,
    )
    return Feature(name="objects", operations=routes.operations(), jobs=[leftovers.job], schedules=[leftovers.schedule])


def class_rules(setting: str) -> list[ClassRule]:
    """Of ``uploads=30:STANDARD_IA,…``."""
    found = []
    for one in filter(None, setting.split(",")):
        kind, _, rest = one.partition("=")
        days, _, storage_class = rest.partition(":")
        found.append(ClassRule(f"{kind}/", int(days), storage_class))
    return found
