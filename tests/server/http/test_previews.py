"""What other programs are told of a link."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from server.http.previews import Preview, fitted, head_of, oembed_of

HOSTILE = '"><script>alert(1)</script>'
CARD = Preview(
    title=HOSTILE,
    path="/watch/1",
    author="Ada",
    author_path="/@ada",
    description="line one\n" + "long " * 100,
    image="/hls/1/thumbnail.webp",
    player="/embed/1",
)


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.meta: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = {name: value or "" for name, value in attrs}
        if tag == "meta":
            self.meta[found.get("property") or found["name"]] = found["content"]


def test_a_head_holds_the_card_and_nothing_that_its_texts_smuggle_in() -> None:
    found = Elements(head_of(CARD, origin="https://live.test", site_name="Social Flow"))
    assert set(found.tags) == {"meta", "link"}
    assert found.meta["og:title"] == HOSTILE
    assert found.meta["og:image"] == "https://live.test/hls/1/thumbnail.webp"
    assert found.meta["twitter:player"] == "https://live.test/embed/1"
    assert len(found.meta["og:description"]) <= 200
    assert "\n" not in found.meta["og:description"]


def test_a_frame_holds_nothing_that_the_title_smuggles_in() -> None:
    document = oembed_of(CARD, origin="https://live.test", site_name="Social Flow", width=320, height=180)
    assert Elements(document["html"]).tags == ["iframe"]
    assert (document["type"], document["width"], document["height"]) == ("video", 320, 180)


@pytest.mark.parametrize(
    ("room", "size"),
    [((None, None), (640, 360)), ((320, None), (320, 180)), ((None, 90), (160, 90)), ((1, 1), (16, 9))],
)
def test_a_frame_fits_where_it_is_put(room: tuple[int | None, int | None], size: tuple[int, int]) -> None:
    assert fitted(*room) == size
