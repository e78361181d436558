"""Courses: lessons in their order, quizzes that keep their answers, progress that only grows, certificates, money."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fpdf import FPDF

from server.features.town.courses.certificate_pdf import FONT, pdf_of
from server.features.town.courses.rules import needs_itself
from server.features.town.courses.shapes import CertificateShape
from tests.server.kit import Kit
from tests.server.served import PASSWORD, Served

QUESTIONS = [
    {"question": "2 + 2?", "options": ["3", "4"], "answer": 1, "explanation": "Count on your fingers"},
    {"question": "3 + 3?", "options": ["6", "7"], "answer": 0},
]


async def made(served: Served, token: str, path: str, **body: Any) -> Any:
    status, answer = await served.call("POST", path, token=token, json=body)
    assert status == 201, answer
    [one] = answer.values()
    return one


async def test_a_course_is_learnt_in_its_order_and_ends_with_a_certificate_that_anybody_can_check(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob, eve = [await served.register(name) for name in ("ada", "bob", "eve")]
        course = await made(served, ada, "/courses", title="Arithmetic")
        path = f"/courses/{course['id']}"
        text = await made(served, ada, f"{path}/lessons", kind="text", title="Read", text="Four comes after three")
        quiz = await made(
            served, ada, f"{path}/lessons", kind="quiz", title="Try", questions=QUESTIONS, requires=[text["id"]]
        )
        assert quiz["questions"][0]["answer"] == 1  # its author sees it
        assert (await served.call("GET", f"/lessons/{text['id']}", token=bob))[1]["text"] is None
        assert (await served.call("PUT", f"/lessons/{text['id']}/progress", token=bob, json={"percent": 5}))[0] == 403
        status, enrolled = await served.call("PUT", f"{path}/enrolment", token=bob)
        assert (status, enrolled["enrolment"]["state"], enrolled["checkout_url"]) == (200, "enrolled", None)
        assert enrolled["enrolment"]["room_id"] == course["id"]
        assert await kit.core().rights.members(course["id"]) == {
            course["author"]["id"],
            *_ids(await served.call("GET", "/me", token=bob)),
        }
        assert (await served.call("PUT", f"{path}/enrolment", token=ada))[0] == 409
        progress = f"/lessons/{quiz['id']}/progress"
        assert (await served.call("PUT", progress, token=bob, json={"answers": [1, 0]}))[0] == 409  # locked
        for wrong in ({"percent": 150}, {"percent": -1}, {"percent": "5"}, {}, {"answers": [0]}):
            assert (await served.call("PUT", f"/lessons/{text['id']}/progress", token=bob, json=wrong))[0] == 422
        for percent, shown in ((60, 60), (20, 60), (100, 100)):
            status, now = await served.call(
                "PUT", f"/lessons/{text['id']}/progress", token=bob, json={"percent": percent}
            )
            assert (status, now["percent"]) == (200, shown)
        status, asked = await served.call("GET", f"/lessons/{quiz['id']}", token=bob)
        assert [(one["answer"], one["explanation"]) for one in asked["questions"]] == [(None, None)] * 2
        assert (await served.call("GET", f"{path}/certificate.pdf", token=bob))[0] == 409
        for wrong in ({"answers": [1]}, {"percent": 100}, {"answers": [1, 10]}, {"answers": [9, 9]}):
            assert (await served.call("PUT", progress, token=bob, json=wrong))[0] == 422
        status, result = await served.call("PUT", progress, token=bob, json={"answers": [1, 1]})
        assert (status, result["score"], result["done"]) == (200, 50, False)
        assert result["questions"][0] | {"options": []} == {
            "question": "2 + 2?", "options": [], "given": 1, "answer": 1, "explanation": "Count on your fingers",
        }  # fmt: skip
        [_, missed] = (await served.call("GET", f"/lessons/{quiz['id']}", token=bob))[1]["questions"]
        assert result["questions"][1] == missed
        assert (missed["given"], missed["answer"], missed["explanation"]) == (1, None, None)  # to be tried again
        status, result = await served.call("PUT", progress, token=bob, json={"answers": [1, 0]})
        assert (result["percent"], result["done"], result["course_percent"]) == (100, True, 100)
        assert (await served.call("GET", "/me/courses", token=bob))[1]["items"][0]["percent"] == 100
        headers = {"Authorization": f"Bearer {bob}"}
        async with served.http.get(f"{served.url}/api/v1{path}/certificate.pdf", headers=headers) as answer:
            assert (answer.status, answer.content_type) == (200, "application/pdf")
            assert (await answer.read()).startswith(b"%PDF-")
        assert (await served.call("GET", f"{path}/certificate.pdf", token=eve))[0] == 404
        code = await kit.database.fetchval("select code from course_certificates where course_id = $1", course["id"])
        status, said = await served.call("GET", f"/certificates/{code.lower()}")
        assert (status, said["name"], said["title"]) == (200, "bob", "Arithmetic")
        assert (await served.call("GET", f"/certificates/{'2' * 16}"))[0] == 404
        assert (await served.call("PATCH", path, token=bob, json={"title": "Mine"}))[0] == 403
        assert (await served.call("DELETE", f"{path}/enrolment", token=bob))[0] == 204
        assert (await served.call("GET", f"/lessons/{text['id']}", token=bob))[1]["text"] is None
        async with served.http.get(f"{served.url}/api/v1{path}/certificate.pdf", headers=headers) as answer:
            assert answer.status == 200, "it was earned"


def _ids(answer: tuple[int, Any]) -> list[str]:
    return [answer[1]["id"]]


NOBODYS = "01a2293b-2c58-7716-bf83-011bc8a33bb2"
WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"kind": "quiz"}, ["questions"]),
    ({"kind": "text", "text": "x", "questions": QUESTIONS}, ["questions"]),
    ({"kind": "quiz", "questions": [QUESTIONS[0] | {"answer": 2}]}, ["questions.0"]),
    ({"kind": "text"}, ["text"]),
    ({"kind": "text", "text": " \n"}, ["text"]),
    ({"kind": "video"}, ["video_id"]),
    ({"kind": "video", "video_id": NOBODYS}, ["video_id"]),
    ({"kind": "live", "stream_id": NOBODYS}, ["stream_id"]),
    ({"kind": "text", "text": "x", "requires": [NOBODYS]}, ["requires"]),
    ({"kind": "dance"}, ["kind"]),
    (
        {"kind": "text", "questions": QUESTIONS, "starts_at": "2027-01-01T00:00:00Z", "video_id": NOBODYS,
         "requires": [NOBODYS]},
        ["questions", "starts_at", "text", "video_id", "requires"],
    ),
]  # fmt: skip


async def test_what_cannot_be_a_lesson_is_refused_with_all_that_is_wrong(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        course = await made(served, ada, "/courses", title="Arithmetic")
        for body, fields in WRONG:
            path = f"/courses/{course['id']}/lessons"
            status, answer = await served.call("POST", path, token=ada, json={"title": "x", **body})
            assert (status, [one["field"] for one in answer["errors"]]) == (422, fields), body
        lesson = await made(served, ada, f"/courses/{course['id']}/lessons", kind="text", title="Read", text="x")
        assert (await served.call("PATCH", f"/lessons/{lesson['id']}", token=ada, json={"text": ""}))[0] == 422
        assert (await served.call("PATCH", f"/lessons/{lesson['id']}", token=ada, json={"title": "y"}))[0] == 200


async def test_a_course_that_costs_something_opens_when_it_is_paid_and_closes_when_that_is_given_back(
    kit: Kit,
) -> None:
    async with kit.serve(test_money=True) as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        course = await made(served, ada, "/courses", title="Arithmetic", amount=500, currency="USD")
        path = f"/courses/{course['id']}"
        for _ in range(2):  # paid twice, as by two open pages: once it goes back
            status, pending = await served.call("PUT", f"{path}/enrolment", token=bob)
            assert (status, pending["enrolment"]["state"]) == (200, "pending")
        assert (await served.call("GET", path, token=bob))[1]["enrolment"] == "pending"
        await served.call("PATCH", path, token=ada, json={"amount": 900})  # it was begun at the earlier price
        for _ in range(2):
            await kit.run_jobs(served.features)
            await kit.read_facts(served.features)
        assert (await served.call("GET", path, token=bob))[1]["enrolment"] == "enrolled"
        status, balance = await served.call("GET", "/me/balance", token=ada)
        [dollars] = balance["balances"]
        assert 0 < dollars["available"] + dollars["pending"] <= 500
        paid = await kit.database.fetchval("select payment_id from course_enrolments")
        await kit.database.execute("update users set roles = '{admin}' where username = 'ada'")
        _, signed = await served.call("POST", "/auth/login", json={"login": "ada", "password": PASSWORD})
        back = f"/admin/payments/{paid}/refund"
        assert (await served.call("POST", back, token=signed["access_token"], json={}))[0] < 300
        await kit.read_facts(served.features)
        assert (await served.call("GET", path, token=bob))[1]["enrolment"] is None


async def test_without_payments_a_price_is_refused_with_a_reason(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        body = {"title": "Arithmetic", "amount": 500}
        assert (await served.call("POST", "/courses", token=ada, json=body))[0] == 503


def test_a_lesson_never_comes_before_itself() -> None:
    assert needs_itself({"a": ["b"], "b": ["c"], "c": ["a"]}, "a")
    assert needs_itself({"a": ["a"]}, "a")
    assert not needs_itself({"a": ["b", "c"], "b": ["c"], "c": []}, "a")


def test_arabic_names_on_a_certificate_are_joined_letters_from_the_right() -> None:
    """A word is narrower than its letters alone."""
    certificate = CertificateShape(
        code="2" * 16,
        course_id=None,
        title="مقدمة في الحساب",
        name="محمد",
        issued_at=datetime(2026, 11, 30, tzinfo=UTC),
    )
    written = pdf_of(certificate, site="Social Flow", address="https://live.test/certificates/2")
    assert written.startswith(b"%PDF-")
    shaper = FPDF()
    shaper.add_font("certificate", fname=FONT)
    shaper.set_font("certificate")
    shaper.set_text_shaping(True)
    assert shaper.get_string_width("محمد") < sum(shaper.get_string_width(letter) for letter in "محمد")
