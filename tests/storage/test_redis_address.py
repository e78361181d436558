"""What an address says, and that a bad one is told without the password in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection

from storage.redis_address import BadAddress, HostPort, RedisAddress


def test_an_address_of_redis_itself_has_no_sentinels() -> None:
    address = RedisAddress.read("redis://ann:p%40ss@cache.example:7000/3")
    assert address.connection_class is Connection
    assert address.options == {
        "host": "cache.example",
        "port": 7000,
        "username": "ann",
        "password": "p@ss",
        "db": 3,
    }
    assert not address.sentinels
    assert RedisAddress.read("rediss://cache.example").connection_class is SSLConnection
    assert RedisAddress.read("unix:///run/a%20b.sock").connection_class is UnixDomainSocketConnection
    assert RedisAddress.read("unix:///run/a%20b.sock?db=2").options == {"path": "/run/a b.sock", "db": 2}


def test_sentinels_are_named_with_the_master_behind_them() -> None:
    address = RedisAddress.read(
        "redis+sentinel://ann:p%40ss@a.example:1,b.example,[::1]:3,[::2]/main%20one/7?client_name=x"
    )
    assert address.sentinels == (
        HostPort("a.example", 1),
        HostPort("b.example", 26379),
        HostPort("::1", 3),
        HostPort("::2", 26379),
    )
    assert address.master == "main one"
    assert address.options == {"username": "ann", "password": "p@ss", "db": 7, "client_name": "x"}
    assert address.sentinel_options == {}, "the name and password are the master's"
    assert str(address.sentinels[2]) == "[::1]:3"


def test_sentinels_have_their_own_password_and_the_certificates_of_the_master(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    query = f"sentinel_username=s&sentinel_password=t&ssl_ca_certs={authority}&ssl_check_hostname=false"
    address = RedisAddress.read(f"rediss+sentinel://:pw@a/m?{query}")
    tls = {"ssl_ca_certs": str(authority), "ssl_check_hostname": False}
    assert address.connection_class is SSLConnection
    assert address.options == {"password": "pw", **tls}
    assert address.sentinel_options == {"username": "s", "password": "t", **tls}


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "does not begin"),
        ("localhost:6379", "does not begin"),
        ("http://localhost", "does not begin"),
        ("unix+sentinel:///x/y", "does not begin"),
        ("unix://", "path of the socket"),
        ("redis://localhost/mymaster", "number of a database"),
        ("redis://localhost:many", "malformed"),
        ("redis://:s3cret/w0rd@localhost", "number of a database"),
        ("redis://:s3cret?w0rd@localhost", "question mark is no option"),
        ("redis://localhost?socket_timeout=5", "socket_timeout is no option"),
        ("redis://localhost?ssl_ca_certs=/ca.pem", "ssl_ca_certs is no option of redis://"),
        ("redis://localhost?sentinel_password=x", "sentinel_password is no option"),
        ("rediss://localhost?ssl_ca_certs=/nonexistent.pem", "no file /nonexistent.pem"),
        ("rediss://localhost?ssl_cert_reqs=maybe", "none, optional or required"),
        ("rediss://localhost?ssl_min_version=new", "malformed"),
        ("redis+sentinel://a,b", "name of the master"),
        ("redis+sentinel://a,b/", "name of the master"),
        ("redis+sentinel://a,b/m/x", "number of a database"),
        ("redis+sentinel:///m", "each sentinel"),
        ("redis+sentinel://a,,b/m", "each sentinel"),
        ("redis+sentinel://a:0/m", "each sentinel"),
        ("redis+sentinel://a:65536/m", "each sentinel"),
        ("redis+sentinel://[::1/m", "each sentinel"),
        ("redis+sentinel://:s3cret/w0rd@a/m", "number of a database"),
    ],
)
def test_a_malformed_address_is_told_with_what_to_do_and_without_its_password(url: str, what: str) -> None:
    with pytest.raises(BadAddress, match=what) as caught:
        RedisAddress.read(url)
    assert str(caught.value).partition("; ")[2], "what to do about it"
    assert "s3cret" not in str(caught.value)
    assert "w0rd" not in str(caught.value)
