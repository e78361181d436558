"""What an operator may set for mail, and the sentence for what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from server.outbound.settings import MailSettings, SmtpServer, sender_of, server_of


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mx.example", SmtpServer(host="mx.example", port=587, tls="starttls")),
        ("smtps://mx.example/", SmtpServer(host="mx.example", port=465, tls="implicit")),
        ("smtp+plain://[::1]:2525", SmtpServer(host="::1", port=2525, tls="none")),
        (
            "smtp://ada%40x.org:p%40s%3As%2F@mx.example:2587",
            SmtpServer(host="mx.example", port=2587, tls="starttls", username="ada@x.org", password="p@s:s/"),
        ),
        (
            "smtp+plain://a:s3cret@localhost",
            SmtpServer(host="localhost", port=25, tls="none", username="a", password="s3cret"),
        ),
    ],
)
def test_an_address_of_a_server_says_all_of_it(url: str, server: SmtpServer) -> None:
    found = server_of(MailSettings(smtp_url=url))
    assert found == server
    assert str(server.password) not in f"{found} {found!r}".replace("None", "")


def test_a_password_of_its_own_replaces_the_one_in_the_address() -> None:
    for url in ("smtp://ada@mx.example", "smtp://ada:old@mx.example"):
        server = server_of(MailSettings(smtp_url=url, smtp_password="s3cret:@/"))
        assert server is not None
        assert (server.username, server.password) == ("ada", "s3cret:@/")


def test_without_an_address_there_is_no_server() -> None:
    assert server_of(MailSettings()) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smtp_url": "mx.example:25"}, "smtp_url must be smtp://"),
        ({"smtp_url": "http://mx.example"}, "smtp_url must be smtp://"),
        ({"smtp_url": "smtp://ada:s3cret@"}, "smtp_url must be smtp://"),
        ({"smtp_url": "smtp://ada:s3cret@mx.example/x"}, "smtp_url must be smtp://"),
        ({"smtp_url": "smtp://ada:s3cret@mx.example:99999"}, "no number from 1 to 65535"),
        ({"smtp_url": "smtp://ada:s3cret@mx.example:x"}, "no number from 1 to 65535"),
        ({"smtp_url": "smtp://ada@mx.example"}, "give both or neither"),
        ({"smtp_url": "smtp://mx.example", "smtp_password": "s3cret"}, "give both or neither"),
        ({"smtp_url": "smtp+plain://ada:s3cret@mx.example"}, "in clear"),
        ({"smtp_url": "smtp://mx.example", "smtp_ca": Path("/nowhere.pem")}, "there is no file"),
        ({"smtp_password": "s3cret"}, "belong to smtp_url"),
        ({"mail_from": "Ada <ada@x.org>"}, "mail_from must be an address alone"),
        ({"mail_from": "ada@x.org\r\nBcc: y@x.org"}, "mail_from must be an address alone"),
        ({"mail_from": "ädä@x.org"}, "mail_from must be in ASCII"),
        ({"mail_kept_days": 0}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_told_without_the_password(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        MailSettings(**given)
    (error,) = raised.value.errors(include_url=False)
    assert said in error["msg"]
    assert "s3cret" not in error["msg"]
    assert error["loc"] in ((), ("mail_kept_days",))  # with a place the value would be told as well


@pytest.mark.parametrize(
    ("mail_from", "origin", "sender"),
    [
        (None, "https://live.example:8443", "no-reply@live.example"),
        (None, "http://127.0.0.1:8080", "no-reply@localhost"),
        (None, "http://[::1]:8080", "no-reply@localhost"),
        ("Hello@Bücher.example", "https://live.example", "Hello@xn--bcher-kva.example"),
    ],
)
def test_mails_come_from_the_address_that_is_set_or_the_host(mail_from: str | None, origin: str, sender: str) -> None:
    assert sender_of(MailSettings(mail_from=mail_from), origin=origin) == sender
