"""The settings of uploads, videos, clips, recordings, restreams and sources."""

from __future__ import annotations

from pydantic import BaseModel, Field

from server.outbound.settings import TargetSettings


class UploadSettings(BaseModel):
    max_upload_mb: int = Field(8_192, ge=1, le=1_000_000, description="MB of one upload")
    max_unused_upload_mb: int = Field(
        16_384, ge=1, le=10_000_000, description="MB that an account's uploads have which are not used yet"
    )
    max_unused_uploads: int = Field(100, ge=1, le=10_000, description="uploads of one account that are not used yet")
    upload_quota_gb: int = Field(
        0, ge=0, le=1_000_000, description="GB that all uploads of an account have, with those that are used (0: any)"
    )
    upload_quota_gb_by_role: str = Field(
        "",
        pattern=r"^$|^(viewer|creator|moderator|admin)=[0-9]{1,7}(,(viewer|creator|moderator|admin)=[0-9]{1,7})*$",
        description="other quotas by role, as `creator=500,admin=0`; the largest of an account's roles holds",
    )
    max_uploads_per_hour: int = Field(500, ge=1, le=100_000, description="uploads that an account begins in an hour")
    max_upload_picture_mb: int = Field(16, ge=1, le=1_000, description="MB of an uploaded picture")
    max_upload_picture_pixels: int = Field(
        50_000_000, ge=1_000_000, le=1_000_000_000, description="pixels of an uploaded picture"
    )
    max_upload_minutes: int = Field(720, ge=1, le=100_000, description="minutes of an uploaded video or sound")
    max_upload_video_pixels: int = Field(
        35_389_440, ge=100_000, le=1_000_000_000, description="pixels of a picture of an uploaded video"
    )
    max_upload_tracks: int = Field(32, ge=1, le=1_000, description="tracks of an uploaded video or sound")
    direct_uploads: bool = Field(
        False,
        description="let clients send parts of uploads to the S3 bucket themselves, which they must reach by the "
        "address that this server has of it",
    )
    clamd_address: str = Field(
        "",
        pattern=r"^$|^/[^\s]+$|^[^\s/]+:[0-9]{1,5}$",
        description="`host:port` or socket of the clamd that uploads are held against (empty: none)",
    )
    clamd_mb: int = Field(
        25,
        ge=1,
        le=100_000,
        description="MB of an upload, from its beginning, that clamd is sent",
    )
    upload_hours: int = Field(
        24, ge=1, le=8_760, description="hours after which an upload goes that is not gone on with, or not used"
    )


class VideoSettings(BaseModel):
    max_video_hours: int = Field(12, ge=1, le=100, description="hours that an uploaded video lasts at most")
    max_video_pixels: int = Field(
        35_651_584, ge=10_000, le=134_217_728, description="pixels of a picture of an uploaded video"
    )
    max_video_streams: int = Field(
        32, ge=1, le=1_000, description="streams (pictures, sound, subtitles) in the file of an uploaded video"
    )
    max_videos_per_hour: int = Field(100, ge=1, le=100_000, description="videos that an account makes in an hour")
    video_encoders: int = Field(1, ge=1, le=64, description="videos that this node encodes at once")


class PlaybackSettings(BaseModel):
    cdn_base_url: str = Field(
        "",
        pattern=r"^$|^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~-]{1,100}){0,5}/?$",
        description="what the addresses of videos, recordings and clips begin with, as https://cdn.example (empty: "
        "they are paths on this server)",
    )
    sign_playback: bool = Field(
        False,
        description="play videos, recordings and clips that everybody may see under signed addresses alone, which "
        "expire; those that not everybody may see always are",
    )


class ClipSettings(BaseModel):
    max_clips_per_hour: int = Field(120, ge=1, le=10_000, description="clips that a person may make in an hour")


class RecordingSettings(BaseModel):
    recordings_keep_days: int = Field(
        0, ge=0, le=36_500, description="days after a stream's end for which its recording is kept (0: for ever)"
    )
    recordings_keep_gb: int = Field(
        0, ge=0, le=1_000_000, description="GB of recordings that one account keeps, the newest first (0: all)"
    )


class RestreamSettings(TargetSettings):
    max_restreams_per_stream: int = Field(
        10, ge=0, le=50, description="other servers that one stream is pushed on to, its owner's own defaults included"
    )
    max_restreams_per_person: int = Field(
        50, ge=0, le=1_000, description="targets of restreams that one account has, over all its streams"
    )


class SourceSettings(TargetSettings):
    max_sources: int = Field(
        20, ge=0, le=1_000, description="streams that this node fetches from other servers at once"
    )
    max_sources_per_person: int = Field(
        5, ge=0, le=1_000, description="streams of one account that are fetched from other servers"
    )
