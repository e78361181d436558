"""What ``health`` shows the owner as odd about a stream: names for programs, sentences for people."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]


class Warned(msgspec.Struct, frozen=True):
    """``severity``: ``error`` where viewers miss something, ``warning`` where it is worse than it need be, ``info`` for
    what is as it was chosen. ``text`` says what is odd, ``advice`` what the owner can do."""

    severity: Severity
    text: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.text} {self.advice}".rstrip()


_SET_KEY_FRAMES = "Set the key frame interval to 2 s."

WARNINGS: Mapping[str, Warned] = MappingProxyType(
    {
        "no_picture": Warned("error", "There is no picture.", "Look at the camera or scene in the encoder."),
        "picture_without_header": Warned(
            "error",
            "There is a picture without the H.264 or HEVC header (sequence header) that tells how to decode it: nobody"
            " can see it.",
            "Start the encoder again.",
        ),
        "picture_left_out": Warned(
            "error",
            "The picture's codec cannot be carried over HLS and DASH, and it could not be converted: viewers there and"
            " the recording have sound alone.",
            "Choose H.264.",
        ),
        "no_key_frame": Warned(
            "error",
            "No key frame (IDR picture) for a long time: viewers who come now see nothing.",
            "Turn off intra refresh and open GOP, and set the key frame interval to 2 s.",
        ),
        "on_backup": Warned(
            "warning",
            "Nothing comes from the main encoder: viewers see the backup.",
            "Look at the main encoder and its network. It is on the air again ten seconds after it is back.",
        ),
        "out_of_step": Warned(
            "error", "Sound and picture are more than a second apart.", "Look at the sync offset of the sound's source."
        ),
        "timestamps_jump": Warned(
            "warning",
            "The time stamps jump: the picture stutters where they do.",
            "Let nothing change the encoder's clock, and start the encoder again.",
        ),
        "timestamps_drift": Warned(
            "warning",
            "The encoder's clock runs at another speed than real time: it is held to it by moving pictures a little.",
            "Use one clock for sound and picture, and close what slows the computer down.",
        ),
        "long_key_frame_interval": Warned(
            "warning",
            "The key frame interval is long: viewers wait for the picture, with a higher latency.",
            _SET_KEY_FRAMES,
        ),
        "open_gop": Warned(
            "warning",
            "Pictures refer to those before the key frame (open GOP): players stutter where they begin.",
            "Turn off open GOP.",
        ),
        "low_frame_rate": Warned(
            "warning",
            "Fewer frames arrive than the encoder announces: it or its network is too slow.",
            "Choose a smaller picture, fewer frames or a faster preset.",
        ),
        "unsteady_network": Warned(
            "warning", "Frames arrive unevenly: the network is unsteady.", "Use a cable, or a lower bitrate."
        ),
        "b_frames": Warned(
            "info",
            "B-frames are on: viewers cannot watch over WebRTC and get HLS, a little later.",
            "Turn off B-frames for the lowest latency.",
        ),
        "hevc": Warned(
            "info",
            "The picture is HEVC: viewers over WebRTC, and browsers without an HEVC decoder (Firefox, most of Chromium"
            " on Linux), cannot see it.",
            "H.264 is seen by everyone.",
        ),
        "av1": Warned(
            "info",
            "The picture is AV1: viewers over WebRTC, and Safari on devices without an AV1 decoder, cannot see it.",
            "H.264 is seen by everyone.",
        ),
        "vp9": Warned(
            "info",
            "The picture is VP9: viewers over WebRTC, and Safari on older devices, cannot see it.",
            "H.264 is seen by everyone.",
        ),
        "vp8": Warned(
            "info",
            "The picture is VP8, which only WebRTC carries: it is converted to H.264 for everyone else, at 720p and 30"
            " frames a second at most.",
            "A browser that has H.264 spares that.",
        ),
        "ladder_reduced": Warned(
            "info",
            "This server is too busy to make all renditions of the stream: viewers with slow connections have fewer to"
            " choose from.",
        ),
        "ladder_failed": Warned(
            "info",
            "The renditions for slow connections cannot be made of this picture at the moment; it is tried again. What"
            " you send is played as it is.",
        ),
        "ladder_unsteady": Warned(
            "info",
            "The picture changes its size or format again and again: no renditions for slow connections are made of"
            " it.",
            "Keep one output size.",
        ),
        "ladder_size": Warned(
            "info",
            "The picture is too large, or too narrow, for renditions for slow connections to be made of it.",
            "Send 1080p or 720p.",
        ),
        "too_many_tracks": Warned(
            "warning", "The encoder sends more video tracks than are taken: the others are left out.", "Send fewer."
        ),
        "track_malformed": Warned(
            "warning",
            "A video track beside the first is malformed: viewers may not have it to choose from.",
            "Start the encoder again.",
        ),
        "track_out_of_step": Warned(
            "warning",
            "A video track beside the first has its key frames elsewhere and is left out.",
            "Set the same key frame interval for all tracks, without scene-cut detection.",
        ),
        "track_paused": Warned(
            "warning",
            "The encoder has stopped one of the pictures that it sends at a time: viewers have the others.",
            "Its computer or network is too slow for all of them: lower the bitrate, or close other programs.",
        ),
        "item_skipped": Warned(
            "warning",
            "A recording or clip of the channel cannot be played and is skipped.",
            "Look in the studio which one, and take it out.",
        ),
        "no_sound": Warned("error", "There is no sound.", "Look at the microphone and the sound settings."),
        "sound_without_header": Warned(
            "error",
            "There is AAC without the header (AudioSpecificConfig) that tells how to decode it: nobody can hear it.",
            "Start the encoder again.",
        ),
        "sound_malformed": Warned(
            "error", "The packets of sound are malformed: nobody can hear it.", "Start the encoder again."
        ),
        "sound_left_out": Warned(
            "error",
            "The layout or codec of the sound is not for browsers, and it could not be converted: viewers have the"
            " picture alone.",
            "Choose stereo AAC.",
        ),
        "sound_silent": Warned(
            "warning", "The sound is silent.", "Look whether the microphone is muted or the wrong one is chosen."
        ),
        "sound_clipping": Warned(
            "warning", "The sound is too loud and distorted (it clips).", "Turn down the microphone or the mix."
        ),
    }
)
"""In the order in which they are shown: the gravest first, picture before sound."""
