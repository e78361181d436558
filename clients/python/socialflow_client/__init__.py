"""A client of Social Flow: chat that misses nothing and sends safely, and the REST interface. See ``Client``."""

from socialflow_client.client import Client
from socialflow_client.errors import (
    ClientClosed,
    ConnectionLost,
    DeadlineExceeded,
    FieldError,
    HttpRefused,
    MisshapenAnswer,
    Refused,
    SessionRevoked,
    SignInRequired,
    SocialFlowError,
)
from socialflow_client.events import Events
from socialflow_client.room import Room
from socialflow_client.shapes import (
    Attached,
    Attachment,
    Clip,
    CreatedStream,
    Event,
    Ingest,
    Message,
    Poll,
    PollOption,
    Sent,
    Stream,
    User,
)

__all__ = [
    "Attached",
    "Attachment",
    "Client",
    "ClientClosed",
    "Clip",
    "ConnectionLost",
    "CreatedStream",
    "DeadlineExceeded",
    "Event",
    "Events",
    "FieldError",
    "HttpRefused",
    "Ingest",
    "Message",
    "MisshapenAnswer",
    "Poll",
    "PollOption",
    "Refused",
    "Room",
    "Sent",
    "SessionRevoked",
    "SignInRequired",
    "SocialFlowError",
    "Stream",
    "User",
]
