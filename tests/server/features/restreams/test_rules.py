from __future__ import annotations

import pytest

from server.features.videos.restreams.rules import BadTarget, target_of


@pytest.mark.parametrize(
    ("url", "key", "address", "kept"),
    [
        ("rtmp://a.example/live", "k", "rtmp://a.example/live", "k"),
        ("rtmp://a.example/live/", "k?backup=1", "rtmp://a.example/live", "k?backup=1"),
        ("rtmps://a.example:443/app/name/k", None, "rtmps://a.example:443/app/name", "k"),
        ("rtmp://[2001:db8::1]:1936/live/k?auth=1&b=2", None, "rtmp://[2001:db8::1]:1936/live", "k?auth=1&b=2"),
    ],
)
def test_the_key_is_taken_off_the_address(url: str, key: str | None, address: str, kept: str) -> None:
    target = target_of(url, key)
    assert (target.address, target.key) == (address, kept)


def test_ports_are_those_of_the_scheme() -> None:
    assert (target_of("rtmp://a/b", "k").port, target_of("rtmps://a/b", "k").port) == (1935, 443)


@pytest.mark.parametrize(
    ("url", "key", "field"),
    [
        *((url, "k", "url") for url in ("", "http://a/b", "rtmp:///b", "rtmp://a:0/b", "rtmp://a:99999/b", "//a/b")),
        *((url, "k", "url") for url in ("rtmp://u:p@a/b", "rtmp://a/b#c", "rtmp://a/b?c=d", "rtmp://a b/c")),
        *((url, "k", "url") for url in ("rtmp://a/b\r\nc", "rtmp://\u0430/b", "rtmp://[::1/b", "file:///etc/passwd")),
        *((url, None, "stream_key") for url in ("rtmp://a", "rtmp://a/live", "rtmp://a/live/", "rtmp://a//k")),
        *(("rtmp://a/live", key, "stream_key") for key in ("", " ", "a b", "k\n", "\u00fc")),
    ],
)
def test_what_is_no_target_is_refused_by_its_field(url: str, key: str | None, field: str) -> None:
    with pytest.raises(BadTarget) as raised:
        target_of(url, key)
    assert raised.value.field == field
