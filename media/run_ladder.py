"""The renditions that are made of one publication: which are planned, while they are wanted, and their packages."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from media.hls.events import Event, PlannedRendition, PlannedState, RenditionsPlanned
from media.hls.folder import RunFolder
from media.hls.follower import Follower
from media.hls.lane import Cut
from media.hls.marks import Mark
from media.hls.muxer import Muxer
from media.relay import Relay
from media.run_package import RenditionPackage
from media.transcode.admission import LadderAdmission
from media.transcode.ladder import Policy, Tier, plan
from media.unit import Codec, Track
from media.webrtc.quality import Layer

#: A rendition that no client has asked for is made for this long.
KEEP_S = 20.0
FIRST_PAUSE_S = 10.0
MAX_PAUSE_S = 300.0
#: A source whose pictures change more often than this within a minute is not followed.
MAX_CHANGES = 4
CHANGES_WITHIN_S = 60.0

log = logging.getLogger(__name__)


class Ladder(Protocol):
    """Renditions that are being made: one relay a tier. ``after`` is the pts of the last picture."""

    relays: list[Relay]
    tiers: tuple[Tier, ...]
    after: int

    @property
    def is_late(self) -> bool: ...
    @property
    def is_current(self) -> bool: ...
    def close(self, reason: str = "closed") -> None: ...


class Ladders(Protocol):
    """Makes ladders, in processes of their own."""

    def ladder(
        self,
        source: Relay,
        track: Track,
        tiers: Sequence[Tier],
        *,
        name: str,
        on_closed: Callable[[str], None],
        after: int = -1,
        part_ms: int = 0,
    ) -> Ladder: ...


class RunLadder:
    """The ladder of one run. ``say`` gets the events of its renditions, which follow the cuts of the source's muxer.

    ``auto``: made from a client's request for one of them until ``KEEP_S`` after the last. ``ladder``: made all the
    time. ``off``: none. How many there may be at a time ``admission`` says: the largest are left out first.
    """

    def __init__(
        self,
        *,
        ladders: Ladders,
        admission: LadderAdmission,
        source: Relay,
        folder: RunFolder,
        publication: int,
        part_ms: int,
        policy: Policy,
        name: str,
        say: Callable[[Event], None],
        clock: Callable[[], float | None],
    ) -> None:
        self.viewers = 0
        self.why = ""
        """Why not all are to be had, a name of ``media.warnings``; empty while they are."""
        self._ladders = ladders
        self._admission = admission
        self._source = source
        self._folder = folder
        self._publication = publication
        self._part_ms = part_ms
        self._policy: Policy = policy
        self._name = name
        self._say = say
        self._clock = clock
        self._track: Track | None = None
        self._sent: tuple[PlannedRendition, ...] = ()
        self._tiers: tuple[Tier, ...] = ()
        self._packages: dict[str, RenditionPackage] = {}
        self._ladder: Ladder | None = None
        self._cuts: deque[Cut] = deque(maxlen=2)
        self._said: RenditionsPlanned | None = None
        self._wanted_until = float("-inf")
        self._not_before = float("-inf")
        self._pause_s = FIRST_PAUSE_S
        self._changes: deque[float] = deque(maxlen=MAX_CHANGES + 1)
        self._is_closed = False
        self._loop = asyncio.get_running_loop()

    @property
    def planned(self) -> tuple[PlannedRendition, ...]:
        """The renditions as the last event has them."""
        return self._said.renditions if self._said is not None else ()

    @property
    def layers(self) -> list[Layer]:
        """What is made, or can be, for viewers over WebRTC: the best first."""
        ladder, relays = self._ladder, dict[str, Relay]()
        if ladder is not None and ladder.is_current:
            relays = {tier.name: relay for tier, relay in zip(ladder.tiers, ladder.relays, strict=True)}
        return [
            Layer(
                name=each.name, width=each.width, height=each.height, bitrate=each.bitrate,
                relay=relays.get(each.name), want=lambda: self.want(max(self.viewers, 1)),
            )
            for each in self.planned if not each.is_sent and each.state != "off"
        ]  # fmt: skip

    # what happens

    def configure(self, tracks: Sequence[Track]) -> None:
        """The publisher's tracks, before the units of them."""
        track = next((track for track in tracks if track.kind == "video"), None)
        if track == self._track or self._policy == "off":
            return
        self._changes.append(self._loop.time())
        self._track = track
        self._stop("the pictures of the source have changed")
        self._tiers = self._left()
        self.tick()

    def note_sent(self, sent: Sequence[PlannedRendition]) -> None:
        """The renditions that the publisher's encoder sends: what it sends as H.264 is not made as well."""
        self._sent = tuple(sent)
        tiers = self._left()
        if tiers != self._tiers:
            self._stop("the encoder sends others")
            self._tiers = tiers
        self.tick()

    def _left(self) -> tuple[Tier, ...]:
        if self._track is None or self._policy == "off":
            return ()
        sent = {each.name for each in self._sent if each.codec.startswith("avc1") and each.state != "off"}
        return tuple(tier for tier in plan(self._track) if tier.name not in sent)

    def cut(self, cut: Cut) -> None:
        """The source's muxer begins a segment."""
        self._cuts.append(cut)
        for package in self._packages.values():
            package.cut(cut)

    def announce(self, mark: Mark) -> None:
        """Tell players of it within the segments of what is made."""
        for package in self._packages.values():
            package.announce(mark)

    def want(self, viewers: int) -> None:
        """A client asks for one of the renditions; ``viewers``: how many the stream has."""
        self.viewers = viewers
        self._wanted_until = self._loop.time() + KEEP_S
        if self._ladder is None:
            self.tick()

    def close(self, reason: str) -> None:
        """Idempotent."""
        if not self._is_closed:
            self._is_closed = True
            self._stop(reason)

    def tick(self) -> None:
        """About once a second: make what is wanted, as far as there is room."""
        if self._is_closed:
            return
        if self._policy != "off":
            self._make_wanted()
        self._tell()

    def _make_wanted(self) -> None:
        now = self._loop.time()
        self.why = self._trouble(now)
        if self.why or not self._tiers or not self._is_wanted(now):
            self._stop("nobody wants it")
        else:
            self._make(now)

    def _trouble(self, now: float) -> str:
        is_unsteady = len(self._changes) > MAX_CHANGES and now - self._changes[0] < CHANGES_WITHIN_S
        if is_unsteady:
            return "ladder_unsteady"
        if now < self._not_before:
            return "ladder_failed"
        is_left_out = self._track is not None and not self._tiers and self._track.codec is not Codec.VP8
        width, height = (self._track.width, self._track.height) if self._track is not None else (0, 0)
        return "ladder_size" if is_left_out and max(width, height) > 1_080 else ""

    def _is_wanted(self, now: float) -> bool:
        return self._policy == "ladder" or now < self._wanted_until

    # making

    def _make(self, now: float) -> None:
        self._admission.want(self._name, tiers=len(self._tiers), viewers=self.viewers, now=now)
        if self._ladder is not None:
            self._admission.report(now, is_late=self._ladder.is_late)
        allowed = self._admission.allowed(self._name)
        tiers = self._tiers[len(self._tiers) - allowed :]
        if allowed < len(self._tiers):
            self.why = "ladder_reduced"
        if self._ladder is not None and self._ladder.tiers != tiers:
            self._change(tiers)
        elif self._ladder is None and tiers:
            self._begin(tiers, after=-1)

    def _change(self, tiers: tuple[Tier, ...]) -> None:
        ladder, self._ladder = self._ladder, None
        assert ladder is not None
        ladder.close("there is room for others")
        for name, package in self._packages.items():
            if name not in {tier.name for tier in tiers}:
                package.pause("there is no room for it")
        if tiers:
            self._begin(tiers, after=ladder.after)

    def _begin(self, tiers: tuple[Tier, ...], *, after: int) -> None:
        assert self._track is not None
        log.info("%s: renditions are made: %s", self._name, ", ".join(tier.name for tier in tiers))
        self._ladder = ladder = self._ladders.ladder(
            self._source, self._track, tiers, name=f"{self._name} ladder", on_closed=self._ended, after=after,
            part_ms=self._part_ms,
        )  # fmt: skip
        for tier, relay in zip(tiers, ladder.relays, strict=True):
            package = self._packages.get(tier.name) or self._packaged(tier.name)
            package.read(relay, self._cuts)

    def _packaged(self, name: str) -> RenditionPackage:
        """The muxer is one for the whole run, since names of files are not given twice."""
        muxer = Muxer(
            folder=self._folder,
            publication=self._publication,
            name=name,
            renditions={"video": name},
            part_ms=self._part_ms,
            follower=Follower(part_ms=self._part_ms),
            clock=self._clock,
        )
        package = self._packages[name] = RenditionPackage(muxer, self._say)
        return package

    def _ended(self, reason: str) -> None:
        """The ladder has ended, by itself if it is still the one that is held."""
        if self._ladder is None or self._is_closed:
            return
        self._ladder = None
        if self._source.ended is None and reason != "the pictures of the source have changed":
            log.error("%s: no renditions for %.0f s: %s", self._name, self._pause_s, reason)
            self._not_before = self._loop.time() + self._pause_s
            self._pause_s = min(MAX_PAUSE_S, 2 * self._pause_s)
        self._stop(reason)

    def _stop(self, reason: str) -> None:
        ladder, self._ladder = self._ladder, None
        self._admission.leave(self._name)
        if ladder is not None:
            ladder.close(reason)
        for package in self._packages.values():
            package.pause(reason)

    # saying

    def _tell(self) -> None:
        if self._policy == "off" and not self._sent and self._said is None:
            return
        made = {tier.name for tier in self._ladder.tiers} if self._ladder is not None else set()
        planned = [*self._sent, *(self._described(tier, made) for tier in self._tiers)]
        planned.sort(key=lambda each: -each.width * each.height)
        said = RenditionsPlanned(publication=self._publication, renditions=tuple(planned))
        if said != self._said:
            self._said = said
            self._say(said)

    def _described(self, tier: Tier, made: set[str]) -> PlannedRendition:
        state: PlannedState = "live" if tier.name in made else "off" if self.why else "ready"
        return PlannedRendition(
            name=tier.name,
            codec=tier.codec,
            bitrate=tier.bit_rate,
            width=tier.width,
            height=tier.height,
            fps=tier.fps,
            state=state,
            why=self.why if state == "off" else "",
        )
