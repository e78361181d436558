"""The parts that push: the devices, the server's key, Web Push and Firebase, as the settings have it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.feature import Platform
from server.features.delivery.notifications.devices import Devices
from server.features.delivery.settings import NotificationSettings
from server.http.encryption import Encryption
from server.outbound.http import PublicHttp
from server.outbound.public_addresses import PublicAddresses
from server.outbound.push import Fcm, VapidKeys, WebPush, service_account
from server.outbound.settings import Site


@dataclass(frozen=True, kw_only=True)
class Push:
    devices: Devices
    keys: VapidKeys
    web: WebPush
    fcm: Fcm | None
    close: Callable[[], Awaitable[None]]


def open_push(
    platform: Platform,
    *,
    settings: NotificationSettings,
    encryption: Encryption,
    site: Site,
    operator: str,
    addresses: PublicAddresses,
) -> Push:
    """``operator``: the address that this server's mails come from.

    Raises ``ValueError`` for an account of Firebase that is none. Nothing is connected yet."""
    http, operators = PublicHttp(addresses=addresses), PublicHttp(addresses=PublicAddresses(allow_private=True))
    subject = site.origin if site.origin.startswith("https://") else f"mailto:{operator}"
    keys = VapidKeys(db=platform.db, encryption=encryption, subject=subject)
    path = settings.fcm_credentials
    fcm = None if path is None else Fcm(http=operators, account=service_account(path), url=settings.fcm_url)
    devices = Devices(
        db=platform.db,
        encryption=encryption,
        addresses=addresses,
        ids=platform.ids,
        wall=lambda: platform.now().timestamp(),
        per_person=settings.max_push_subscriptions,
        has_fcm=fcm is not None,
    )

    async def close() -> None:
        await http.close()
        await operators.close()

    return Push(devices=devices, keys=keys, web=WebPush(http=http, keys=keys), fcm=fcm, close=close)
