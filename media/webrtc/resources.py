"""What WHIP and WHEP share beside the offer: sessions as HTTP resources, with PATCH and DELETE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from media.webrtc.errors import OfferRefused, malformed, not_found
from media.webrtc.sdp_fragment import build_fragment, parse_fragment
from media.webrtc.session import PeerSession

_SHOWN_CHARS = 13


def shown(resource_id: str) -> str:
    """The id as logs have it: enough to follow a session, too little to end it."""
    return resource_id[:_SHOWN_CHARS]


def _names(if_match: str, etag: str) -> bool:
    """Whether If-Match names the entity tag or any one; programs also send them without quotes, or ``*`` in quotes."""
    return any(one.strip().strip('"') in {"*", etag.strip('"')} for one in if_match.split(","))


class Resources:
    """Sessions by resource id, and by whose offers they came about."""

    def __init__(self) -> None:
        self._sessions: dict[str, PeerSession] = {}
        self._offered_by: dict[str, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, resource_id: str, session: PeerSession) -> None:
        self._sessions[resource_id] = session

    def offered(self, resource_id: str, *, by: Iterable[str]) -> None:
        """Whose offer the session came about by."""
        self._offered_by[resource_id] = frozenset(by)

    def require_turn(self, offered_by: Mapping[str, int]) -> None:
        """Raises Refused (429) when one of those who make an offer has as many as it may that are not connected yet."""
        for name, most in offered_by.items():
            if self._waiting(name) >= most:
                detail = "Connect with the offers that you have made, or wait until they run out."
                raise OfferRefused(429, reason="too_many_offers", title="Too many offers", detail=detail)

    def _waiting(self, name: str) -> int:
        theirs = [self._sessions[resource_id] for resource_id, by in self._offered_by.items() if name in by]
        return sum(not session.is_connected for session in theirs)

    def has(self, resource_id: str) -> bool:
        return resource_id in self._sessions

    def forget(self, resource_id: str) -> None:
        self._sessions.pop(resource_id, None)
        self._offered_by.pop(resource_id, None)

    def get(self, resource_id: str) -> PeerSession:
        """Raises Refused (404)."""
        session = self._sessions.get(resource_id)
        if session is None:
            raise not_found()
        return session

    def etag(self, resource_id: str) -> str:
        """The quoted entity tag of the ICE session. Raises Refused (404)."""
        return self.get(resource_id).etag

    def patch(self, resource_id: str, fragment: str, etag: str | None) -> str | None:
        """Trickled candidates: None (204). An ICE restart: the fragment to answer with (200, and a new ETag).

        ``etag`` is the value of If-Match. Raises Refused: 404, 428 without If-Match, 412 for another ICE
        session's, 400 for a fragment that cannot be read.
        """
        session = self.get(resource_id)
        if etag is None:
            raise OfferRefused(428, reason="etag_required", title="If-Match is missing", detail="Name the ICE session.")
        if not _names(etag, session.etag):
            raise OfferRefused(412, reason="etag_mismatch", title="Another ICE session", detail="It was restarted.")
        parsed = parse_fragment(fragment)
        if session.is_current(parsed.ufrag):
            return None
        if len(parsed.password) < 22:
            raise malformed("ice-pwd is missing or too short.")
        session.restart(parsed.ufrag)
        return build_fragment(session.local)

    def close_all(self, reason: str) -> None:
        for session in list(self._sessions.values()):
            session.close(reason)
