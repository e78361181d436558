"""The one file of a form."""

from __future__ import annotations

import os

import aiohttp
import pytest

from server.http.multipart import MAX_PARTS, BadFormError, file_of

TYPE = 'multipart/form-data; boundary="b"'


def part(name: str = "file", filename: str | None = "a.png", content: bytes = b"x") -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


async def test_the_file_is_what_was_sent_among_other_fields() -> None:
    content = b"\r\n--c\r\n" + os.urandom(4_096) + b"\r\n"
    form = aiohttp.FormData({"note": "hello"})
    form.add_field("picture", content, filename="ü.png", content_type="image/png")
    writer = form()
    assert file_of(await writer.as_bytes(), writer.headers["Content-Type"]) == content


def test_a_boundary_without_quotes_and_padding_after_it_are_taken() -> None:
    body = part(content=b"x").replace(b"--b\r\n", b"--b \t\r\n") + b"--b--\r\n"
    assert file_of(body, "multipart/form-data; charset=utf-8; BOUNDARY=b") == b"x"
    assert file_of(b"preamble\r\n" + part(content=b"") + b"--b--", TYPE) == b""


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (part() + b"--b--", "multipart/form-data"),
        (part() + b"--b--", 'multipart/form-data; boundary=""'),
        (part() + part() + b"--b--", TYPE),
        (part(filename=None) + b"--b--", TYPE),
        (b"--b--", TYPE),
        (b"", TYPE),
        (part(), TYPE),
        (b"--b\r\nno head" + b"\r\n--b--", TYPE),
        (b"--bx\r\n\r\n\r\nx\r\n--b--", TYPE),
        (part(filename=None) * (MAX_PARTS + 1) + part() + b"--b--", TYPE),
        (part() + b"--b--", f"multipart/form-data; boundary={'b' * 71}"),
    ],
)
def test_anything_else_is_a_bad_form(body: bytes, content_type: str) -> None:
    with pytest.raises(BadFormError):
        file_of(body, content_type)
