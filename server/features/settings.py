"""The settings of all features, each group of them in its room."""

from __future__ import annotations

from server.features.delivery.notifications.settings import NotificationSettings
from server.features.people.oauth.settings import OAuthSettings
from server.features.people.pictures.settings import PictureSettings
from server.features.people.settings import PeopleSettings
from server.features.videos.clips.settings import ClipSettings
from server.outbound.settings import MailSettings


class FeatureSettings(
    MailSettings, OAuthSettings, PeopleSettings, PictureSettings, NotificationSettings, ClipSettings
): ...
