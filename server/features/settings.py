"""The settings of all features, each group of them beside its rooms: a command that reads settings imports no room."""

from __future__ import annotations

from server.features.commerce.settings import AdSettings
from server.features.delivery.settings import NotificationSettings
from server.features.discovery.trend_settings import TrendSettings
from server.features.integrations.settings import WebhookSettings
from server.features.messages.settings import ConversationSettings, IceSettings
from server.features.money.settings import MoneySettings
from server.features.operations.object_settings import ObjectSettings
from server.features.people.oauth_settings import OAuthSettings
from server.features.people.picture_settings import PictureSettings
from server.features.people.settings import PeopleSettings
from server.features.rooms.settings import RoomSettings
from server.features.safety.screening_settings import ScreeningSettings
from server.features.social.community_settings import CommunitySettings
from server.features.social.feed_settings import FeedSettings
from server.features.social.settings import PostSettings
from server.features.town.assistant_settings import AssistantSettings
from server.features.town.course_settings import CourseSettings
from server.features.town.project_settings import ProjectSettings
from server.features.town.settings import OptionalRoomSettings
from server.features.videos.settings import (
    ClipSettings,
    PlaybackSettings,
    RecordingSettings,
    RestreamSettings,
    SourceSettings,
    UploadSettings,
    VideoSettings,
)
from server.features.videos.work_settings import WorkSettings
from server.outbound.settings import MailSettings


class FeatureSettings(
    MailSettings,
    OAuthSettings,
    PeopleSettings,
    PictureSettings,
    NotificationSettings,
    MoneySettings,
    AdSettings,
    UploadSettings,
    VideoSettings,
    PlaybackSettings,
    ClipSettings,
    RecordingSettings,
    RestreamSettings,
    SourceSettings,
    RoomSettings,
    IceSettings,
    ConversationSettings,
    WebhookSettings,
    PostSettings,
    CommunitySettings,
    FeedSettings,
    TrendSettings,
    WorkSettings,
    ObjectSettings,
    ScreeningSettings,
    ProjectSettings,
    CourseSettings,
    OptionalRoomSettings,
    AssistantSettings,
): ...
