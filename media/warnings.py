"""What ``health`` shows the owner as odd about a stream: names for programs, sentences for people."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WARNINGS: Mapping[str, str] = MappingProxyType(
    {
        "no_picture": "There is no picture.",
        "picture_without_header": "There is a picture without the H.264 or HEVC header (sequence header) that tells how"
        " to decode it: nobody can see it.",
        "picture_left_out": "The picture's codec cannot be carried over HLS and DASH, and it could not be converted:"
        " viewers there and the recording have sound alone.",
        "no_key_frame": "No key frame (IDR picture) for a long time: viewers who come now see nothing. Turn off"
        " intra refresh and open GOP, and set the key frame interval to 2 s.",
        "long_key_frame_interval": "The key frame interval is long: set it to 2 s for a low latency.",
        "low_frame_rate": "Fewer frames arrive than the encoder announces: it or its network is too slow.",
        "unsteady_network": "Frames arrive unevenly: the network is unsteady.",
        "b_frames": "B-frames are on: viewers cannot watch over WebRTC and get HLS, a little later.",
        "hevc": "The picture is HEVC: viewers over WebRTC, and browsers without an HEVC decoder (Firefox, most of"
        " Chromium on Linux), cannot see it. H.264 is seen by everyone.",
        "av1": "The picture is AV1: viewers over WebRTC, and Safari on devices without an AV1 decoder, cannot see it."
        " H.264 is seen by everyone.",
        "vp9": "The picture is VP9: viewers over WebRTC, and Safari on older devices, cannot see it. H.264 is seen by"
        " everyone.",
        "vp8": "The picture is VP8, which only WebRTC carries: it is converted to H.264 for everyone else, at 720p and"
        " 30 frames a second at most. A browser that has H.264 spares that.",
        "ladder_reduced": "This server is too busy to make all renditions of the stream: viewers with slow connections"
        " have fewer to choose from.",
        "ladder_failed": "The renditions for slow connections cannot be made of this picture at the moment; it is tried"
        " again. What you send is played as it is.",
        "ladder_unsteady": "The picture changes its size or format again and again: no renditions for slow connections"
        " are made of it.",
        "ladder_size": "The picture is too large, or too narrow, for renditions for slow connections to be made of it.",
        "too_many_tracks": "The encoder sends more video tracks than are taken: the others are left out.",
        "track_malformed": "A video track beside the first is malformed: viewers may not have it to choose from.",
        "track_out_of_step": "A video track beside the first has its key frames elsewhere and is left out: set"
        " the same key frame interval for all tracks, without scene-cut detection.",
        "no_sound": "There is no sound.",
        "sound_without_header": "There is AAC without the header (AudioSpecificConfig) that tells how to decode it:"
        " nobody can hear it.",
        "sound_malformed": "The packets of sound are malformed: nobody can hear it.",
        "sound_left_out": "The layout or codec of the sound is not for browsers, and it could not be converted:"
        " viewers have the picture alone.",
    }
)
"""In the order in which they are shown: the gravest first, picture before sound."""
