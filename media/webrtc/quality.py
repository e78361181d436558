"""Which of a stream's pictures one WebRTC viewer is sent: what they chose, or what their connection carries. Sans-I/O.

Automatically a viewer goes down a step when much is lost on the way, and up again after a while without losses, as
draft-ietf-rmcat-gcc, section 6 has it: more than a tenth is too much, less than a fiftieth leaves room for more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from media.relay import Relay
from media.unit import Kind
from media.webrtc.fanout import Anchor, Burst, RtpFanout

#: Of 256, as receiver reports have it (RFC 3550, section 6.4.1).
MUCH_LOST: Final = 26
LITTLE_LOST: Final = 5
#: No accident of the moment: one report of it is as good as two of much.
HALF_LOST: Final = 128
#: Reports in a row with much loss.
REPORTS: Final = 2
PATIENCE_S: Final = 15.0
#: Of what goes out: an estimate below is of a connection that does not carry it.
MUCH_LESS: Final = 0.9
HALF: Final = 0.5
MAX_PATIENCE_S: Final = 240.0
#: A step up that is taken back within this time was one too many: the next comes later.
TRIAL_S: Final = 20.0
SOURCE: Final = "source"


def _always_there() -> None:
    """What the publisher sends needs no asking."""


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """A rendition that the publisher sends beside the source, or that is made of it, with its own relay of pictures
    alone. One that is made has no ``relay`` until it has caught up with the source, and is made for some seconds from
    each call of ``want`` on."""

    name: str
    width: int
    height: int
    bitrate: int
    relay: Relay | None
    want: Callable[[], None] = _always_there


class LossSteps:
    """How many steps below the best a viewer is, by the losses that they report."""

    def __init__(self, now: float) -> None:
        self.steps = 0
        self._bad = 0
        self._well_since = now
        self._raised_at = float("-inf")
        self._patience_s = PATIENCE_S

    def report(self, fraction_lost: int, now: float, *, most: int, fits: int = 0) -> None:
        """``most``: steps that there are. ``fits``: the step that what arrives is enough for, where it is more than one
        down."""
        self.steps = min(self.steps, most)
        weight = REPORTS if fraction_lost > HALF_LOST else 1
        self._bad = self._bad + weight if fraction_lost > MUCH_LOST else 0
        if fraction_lost > LITTLE_LOST:
            self._well_since = now
        if self._bad >= REPORTS and self.steps < most:
            self._down(now, max(1, min(fits, most) - self.steps))
        elif self.steps and now - self._well_since >= self._patience_s:
            self.steps -= 1
            self._raised_at = self._well_since = now

    def estimated(self, fits: int, now: float) -> None:
        """What the viewer's side thinks of its connection: no step better than ``fits`` is carried."""
        if fits > self.steps:
            self._down(now, fits - self.steps)

    def _down(self, now: float, by: int = 1) -> None:
        was_one_too_many = now - self._raised_at < TRIAL_S
        self._patience_s = min(MAX_PATIENCE_S, 2 * self._patience_s) if was_one_too_many else PATIENCE_S
        self.steps += by
        self._bad, self._well_since = 0, now


def _step_within(bitrate: float, layers: Sequence[Layer]) -> int:
    """How many steps below the source the best layer is that needs no more; the last where all need more."""
    fitting = (step for step, layer in enumerate(layers, start=1) if 0 < layer.bitrate <= bitrate)
    return next(fitting, len(layers))


class _Tap:
    """Takes the pictures of one fan-out for one viewer. ``fanouts.RtpViewer``."""

    def __init__(self, *, name: str, fanout: RtpFanout, relay: Relay, owner: ViewerPictures) -> None:
        self.is_waiting_for_key = True
        self.lacks: frozenset[Kind] = frozenset()
        self.name = name
        self.fanout = fanout
        self.relay = relay
        self._owner = owner

    def send(self, kind: Kind, burst: Burst) -> None:
        if kind == "video":
            self._owner.tapped(self, burst)

    def report(self, anchor: Anchor) -> None:
        """The viewer's own fan-out gives the clock: it is the same."""

    def end(self, reason: str) -> None:
        self._owner.tap_ended(self)


class ViewerPictures:
    """Goes from one rendition to another at a key frame, so that a viewer never sees a picture without what it refers
    to. ``shown`` is the name of the rendition whose pictures go out, ``chosen`` None while that is automatic."""

    def __init__(
        self,
        *,
        main: RtpFanout,
        main_relay: Relay,
        layers: Callable[[], Sequence[Layer]],
        hold: Callable[[Relay], RtpFanout],
        release: Callable[[Relay], None],
        send: Callable[[Burst, RtpFanout], None],
        now: float,
    ) -> None:
        """``layers`` are there at the moment, the best first. ``send`` sends pictures of a fan-out."""
        self.chosen: str | None = None
        self._main = main
        self._main_relay = main_relay
        self._layers = layers
        self._hold = hold
        self._release = release
        self._send = send
        self._steps = LossSteps(now)
        self._current: _Tap | None = None
        self._next: _Tap | None = None
        self._unfit: set[Relay] = set()
        """Whose pictures turned out not to be for WebRTC."""
        self._is_closed = False
        self._over = 0
        self._is_choked = False
        """The connection carries less than half of what goes out."""

    @property
    def shown(self) -> str:
        return SOURCE if self._current is None else self._current.name

    @property
    def takes_main(self) -> bool:
        """Whether pictures of the viewer's own fan-out go out."""
        return self._current is None and not self._is_pausing

    @property
    def _is_pausing(self) -> bool:
        """Most pictures would be lost: until a lesser rendition begins the way is left to what waits on it and to the
        sound, so that the key frame comes through."""
        return self._is_choked and self._next is not None and self._next.name != SOURCE

    def choose(self, name: str | None) -> bool:
        """None: automatically, from the source on. False if there is no such rendition."""
        if name not in (None, *self._names()):
            return False
        self.chosen = name
        self._steer()
        return True

    def report(self, fraction_lost: int, now: float, *, sent: int) -> None:
        """What the viewer says was lost since their last report, of 256, while ``sent`` went out, bit/s."""
        self._is_choked = fraction_lost > HALF_LOST
        if fraction_lost or self._steps.steps:
            layers = self.layers
            arrived = sent * (256 - fraction_lost) / 256
            self._steps.report(fraction_lost, now, most=len(layers), fits=_step_within(arrived, layers) if sent else 0)
        self.check()

    def estimated(self, bitrate: int, *, sent: int, now: float) -> None:
        """The viewer's side thinks that its connection carries ``bitrate`` while ``sent`` goes out, both bit/s."""
        self._over = self._over + 1 if bitrate < sent * MUCH_LESS else 0
        if self._over < REPORTS or self.chosen is not None:
            return
        self._over = 0
        self._is_choked |= bitrate < sent * HALF
        self._steps.estimated(_step_within(bitrate * MUCH_LESS, self.layers), now)
        self.check()

    def check(self) -> None:
        """About once a second: a rendition that has gone is left."""
        if self.chosen is not None or self._steps.steps or self._current is not None or self._next is not None:
            self._steer()

    def close(self) -> None:
        """Idempotent."""
        self._is_closed = True
        for tap in (self._current, self._next):
            self._leave(tap)
        self._current = self._next = None

    @property
    def layers(self) -> list[Layer]:
        """Those that can be chosen, the best first."""
        return [layer for layer in self._layers() if layer.relay not in self._unfit]

    def _names(self) -> list[str]:
        return [SOURCE, *(layer.name for layer in self.layers)]

    def _steer(self) -> None:
        names = self._names()
        wanted = names[min(self._steps.steps, len(names) - 1)] if self.chosen is None else self.chosen
        layer = next((layer for layer in self.layers if layer.name == wanted), None)
        if layer is not None:
            layer.want()
        if layer is None or layer.relay is not None:
            self._go_to(SOURCE if layer is None else wanted)

    def _go_to(self, name: str) -> None:
        if self._is_closed or name == (self._next.name if self._next is not None else self.shown):
            return
        self._leave(self._next)
        self._next = None
        if name != self.shown:
            found = next((layer.relay for layer in self.layers if layer.name == name), None)
            relay = found or self._main_relay
            self._next = _Tap(name=name, fanout=self._hold(relay), relay=relay, owner=self)
            self._next.fanout.join(self._next)

    def _leave(self, tap: _Tap | None) -> None:
        if tap is not None:
            tap.fanout.leave(tap)
            self._release(tap.relay)

    # of the taps

    def tapped(self, tap: _Tap, burst: Burst) -> None:
        if tap is self._next:
            before, self._current, self._next = self._current, tap, None
            self._leave(before)
        if tap is not self._current or self._is_pausing:
            return
        self._send(burst, tap.fanout)
        if tap.fanout is self._main:
            self._current = None
            self._leave(tap)

    def tap_ended(self, tap: _Tap) -> None:
        """Its relay is over: until a key frame of the source comes the last picture stays."""
        self._unfit.add(tap.relay)
        if tap is self._next:
            self._next = None
            self._leave(tap)
        elif tap is self._current and not self._is_closed:
            self._go_to(SOURCE)
