"""The bytes of a mail, and what an envelope can carry."""

from __future__ import annotations

import datetime as dt
from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.outbound.envelopes import BadAddress, envelope
from server.outbound.mail.message import Composed, compose
from server.outbound.mail.templates import Rendered

WRITTEN: dict[str, Any] = {
    "mail_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11",
    "sender": "no-reply@live.test",
    "sender_name": "Social Flow",
    "address": "ada@example.org",
    "name": "ada",
    "language": "en",
    "written_at": dt.datetime(2026, 11, 29, 15, 0, tzinfo=dt.UTC),
}
RENDERED = Rendered("A subject", "A text\n.\nÄ line\n", "<p>HTML</p>")


def composed(rendered: Rendered = RENDERED, **more: Any) -> Composed:
    return compose(rendered, **{**WRITTEN, **more})


def parsed(content: bytes) -> EmailMessage:
    message = message_from_string(content.decode(), policy=policy.default)  # type: ignore[arg-type]
    assert isinstance(message, EmailMessage)
    return message


def names(message: EmailMessage) -> list[str]:
    return [name.lower() for name in message]


def test_a_mail_has_the_headers_that_it_needs_and_two_parts() -> None:
    made = composed()
    message = parsed(made.content)
    assert message["Message-ID"] == made.message_id == "<01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11@live.test>"
    assert message["Date"] == "Sun, 29 Nov 2026 15:00:00 +0000"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "Ä line" in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert made.content == composed().content


def test_content_is_seven_bits_wide_in_short_lines() -> None:
    long = Rendered("موضوع " * 60, "سطر طويل " * 500, "<p>" + "ö" * 5_000 + "</p>")
    made = composed(long, name="Ünïcödé " * 30, sender_name="تدفق")
    assert made.content.isascii()
    assert max(map(len, made.content.split(b"\r\n"))) <= 78
    assert b"\n" not in made.content.replace(b"\r\n", b"")
    assert parsed(made.content)["Subject"] == " ".join(["موضوع"] * 60)


@pytest.mark.parametrize(
    "name",
    ["Ada\r\nBcc: eve@example.org", "Ada\nX: y", "Ada\x00", "Ada\u2028Bcc: x", "a" * 10_000, '"Ada" <eve@example.org>',
     "Ada, Eve", "Ünïcödé, Ada <x@y>", "آدا", "=?utf-8?q?x?=", "\u202eada", "", " ", "ada@example.org", "👩‍🚀" * 40],
)  # fmt: skip
def test_a_name_adds_no_header_and_no_recipient(name: str) -> None:
    message = parsed(composed(Rendered(f"for {name}", "x", "x"), name=name, sender_name=name).content)
    assert names(message) == names(parsed(composed().content))
    for header, address in (("To", "ada@example.org"), ("From", "no-reply@live.test")):
        (one,) = message[header].addresses
        assert one.addr_spec == address
        assert len(one.display_name.replace(" ", "")) <= 64  # this parser leaves spaces between encoded words
    assert not message.defects


@given(name=st.text(max_size=80), subject=st.text(max_size=300))
def test_whatever_a_name_holds_the_mail_can_be_read(name: str, subject: str) -> None:
    message = parsed(composed(Rendered(subject, "x", "x"), name=name).content)
    (one,) = message["To"].addresses
    assert one.addr_spec == "ada@example.org"
    assert names(message) == names(parsed(composed().content))


@pytest.mark.parametrize(
    ("address", "written", "is_international"),
    [
        ("ada@example.org", "ada@example.org", False),
        ("Ada+tag@EXAMPLE.org", "Ada+tag@example.org", False),
        ("o'neil!#$%&'*+/=?^_`{|}~-@example.org", "o'neil!#$%&'*+/=?^_`{|}~-@example.org", False),
        ("ada@bücher.example", "ada@xn--bcher-kva.example", False),
        ("ada@مثال.إختبار", "ada@xn--mgbh0fb.xn--kgbechtv", False),
        ("ädä@example.org", "ädä@example.org", True),
    ],
)
def test_an_address_is_written_as_servers_take_it(address: str, written: str, is_international: bool) -> None:
    found = envelope(address)
    assert (found.address, found.is_international) == (written, is_international)
    made = composed(address=address)
    (one,) = parsed(made.content)["To"].addresses
    assert one.addr_spec == written
    assert made.content.isascii() is not is_international


@pytest.mark.parametrize(
    "address",
    ["", "ada", "@example.org", "ada@", "ada@@example.org", "a b@example.org", "ada@exa mple.org", "ada@-x.org",
     "ada@example..org", ".ada@example.org", "ada.@example.org", "a..b@example.org", '"a b"@example.org', "<ada@x.org>",
     "ada@[127.0.0.1]", "ada@example.org\r\nRCPT TO:<eve@example.org>", "ada\n@example.org", "ada@example.org\x00",
     "ada,eve@example.org", "ada@example.org,eve@example.org", "Ada <ada@example.org>", "ada(x)@example.org",
     "a" * 65 + "@example.org", "é" * 33 + "@example.org", "ada@" + "a" * 64 + ".org", "ada@" + "a." * 130 + "org",
     "ada@xn--", "ada@\u2028.org", "ada@ex\u202eample.org", "\ud800@example.org"],
)  # fmt: skip
def test_what_is_no_plain_address_reaches_no_envelope(address: str) -> None:
    with pytest.raises(BadAddress):
        envelope(address)
