"""Which modules' mutants are tried, with the tests that are to notice them: a module's own, which take seconds."""

MODULES: dict[str, tuple[str, ...]] = {
    "actors/chat_rules.py": ("tests/actors/test_chat_rules.py",),
    "actors/rate_limits.py": ("tests/actors/test_rate_limits.py",),
    "media/clock.py": ("tests/media/test_clock.py",),
    "media/hls/blocking.py": ("tests/media/hls/test_playlist.py",),
    "media/hls/dash.py": ("tests/media/hls/test_dash_text.py", "tests/media/hls/test_dash.py"),
    "media/hls/filler.py": ("tests/media/hls/test_filler.py",),
    "media/hls/multivariant.py": ("tests/media/hls/test_playlist.py",),
    "media/hls/playlist.py": ("tests/media/hls/test_playlist.py",),
    "media/hls/start.py": ("tests/media/hls/test_start.py",),
    "media/hls/target.py": ("tests/media/hls/test_playlist.py",),
    "media/rtmp/amf.py": ("tests/media/rtmp/test_amf.py",),
    "media/rtmp/chunk.py": ("tests/media/rtmp/test_chunk.py",),
    "media/rtmp/timeline.py": ("tests/media/rtmp/test_timeline.py",),
    "media/webrtc/inbound.py": ("tests/media/webrtc/test_receivers.py", "tests/media/webrtc/test_timeline_bounds.py"),
    "media/webrtc/jitter.py": ("tests/media/webrtc/test_jitter.py",),
    "media/webrtc/rtp.py": ("tests/media/webrtc/test_rtp.py",),
    "media/webrtc/rtpclock.py": ("tests/media/webrtc/test_rtpclock.py",),
    "media/webrtc/stun.py": ("tests/media/webrtc/test_stun.py",),
}
LEAST_KILLED = 0.9
