"""Every mail in every language."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from string import Formatter
from typing import get_args

import pytest

from server.outbound.mail.templates import LANGUAGES, Catalogue, Language, TemplateName, Templates

TEMPLATES: tuple[TemplateName, ...] = get_args(TemplateName)
HOSTILE = "<script>alert('x')</script> {server} {{ 7*7 }} & \"quoted\" \u2028 مرحبا"


class Page(HTMLParser):
    """What a mail's HTML holds. ``text``: the words that show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.directions: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.links += [given["href"] or ""] if tag == "a" else []
        self.sources += [value or "" for name, value in attrs if name == "src" or (tag == "link" and name == "href")]
        if tag == "html":
            self.directions.add(given.get("dir") or "")

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] not in (["style"], ["title"]):
            self.text += data


def templates() -> Templates:
    return Templates(server="Social Flow", origin="https://live.test")


def values(template: TemplateName, value: str = "a value") -> dict[str, str]:
    fields = Catalogue("en").fields(template)
    paths = {"link": "/open?a=1&b=2#token=x-_", "unsubscribe": "/unsubscribe?token=x-_&kind=digest"}
    return {name: paths.get(name, value) for name in fields}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_each_mail_is_whole_in_each_language(template: TemplateName, language: Language) -> None:
    given = values(template, "\u00abgiven\u00bb")
    rendered = templates().render(template, language, "ada", given)
    page = Page(rendered.html)
    assert "\n" not in rendered.subject
    assert 0 < len(rendered.subject) < 120
    for text in (rendered.text, page.text):
        assert "ada" in text
        assert not re.search("[{}]|None|Undefined", text)
    fields = set(given) - set(Catalogue("en").wordings[template].extra())
    shown = {name for name in fields if any("{" + name + "}" in text for text in wording_texts(template, language))}
    assert shown == fields
    assert rendered.text.count("\u00abgiven\u00bb") >= len(fields - {"provider"})
    if "link" in given:
        assert "https://live.test" + given["link"] in rendered.text
        assert page.links.count("https://live.test" + given["link"]) == 2
    if "unsubscribe" in given:
        assert rendered.unsubscribe == "https://live.test" + given["unsubscribe"]
        assert rendered.unsubscribe in rendered.text
        assert page.links.count(rendered.unsubscribe) == 1
    assert page.sources == []
    assert page.directions == {"rtl" if language == "ar" else "ltr"}


def wording_texts(template: TemplateName, language: Language) -> list[str]:
    return list(Catalogue(language).wordings[template].texts())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_mail_and_its_values_are_plain_names(language: Language) -> None:
    catalogue = Catalogue(language)
    assert set(catalogue.wordings) == set(TEMPLATES)
    texts = [text for template in TEMPLATES for text in wording_texts(template, language)]
    for text in (*texts, catalogue.frame.greeting, catalogue.frame.link_hint):
        for _, name, spec, conversion in Formatter().parse(text):
            assert name is None or (re.fullmatch("[a-z]+", name) and not spec and not conversion), text


@pytest.mark.parametrize("template", TEMPLATES)
def test_languages_name_the_same_values_and_have_as_many_sentences(template: TemplateName) -> None:
    english, arabic = (Catalogue(language) for language in LANGUAGES)
    assert english.fields(template) == arabic.fields(template)
    counts = [(len(one.wordings[template].paragraphs), len(one.wordings[template].small)) for one in (english, arabic)]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("template", TEMPLATES)
def test_arabic_is_not_left_in_english(template: TemplateName) -> None:
    for text in wording_texts(template, "ar"):
        assert not text or re.search("[\u0600-\u06ff]", text)
        assert not re.search("[A-Za-z]{2,}", re.sub(r"\{\w+\}", "", text)), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_stay_text_whatever_they_hold(language: Language) -> None:
    rendered = templates().render("new_device", language, HOSTILE, values("new_device", HOSTILE))
    page = Page(rendered.html)
    assert "script" not in page.tags
    assert page.text.count("<script>alert('x')</script>") >= 4
    assert "{{ 7*7 }}" in page.text
    assert "49" not in page.text
    assert HOSTILE in rendered.text


def test_a_value_in_another_script_keeps_its_direction_to_itself() -> None:
    made = templates()
    given = {**values("email_changed"), "email": "ada@example.org"}
    assert "\u2068ada@example.org\u2069" in made.render("email_changed", "ar", "ada", given).text
    assert "ada@example.org at" in made.render("email_changed", "en", "ada", given).text
    assert "\u2068آدا\u2069" in made.render("email_changed", "en", "آدا", given).text


@pytest.mark.parametrize("language", ["", "de", "en-GB", "../en"])
def test_english_is_taken_for_a_language_without_a_catalogue(language: str) -> None:
    assert templates().catalogue(language).language == "en"
