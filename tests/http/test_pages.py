"""The pages without a browser: what they say, and what they never let in."""

import orjson

from domain.rejections import Rejected
from staysync.admin import SignIn
from staysync.pages.routes import pages_of
from staysync.problems import PROBLEMS, TABLE, entry_for
from tests.clients import PASSWORD, Running, open_hotel, project
from tests.http.read_tables import World


def all_rejections(kind: type[Rejected] = Rejected) -> list[type[Rejected]]:
    return [kind for direct in kind.__subclasses__() for kind in (direct, *all_rejections(direct))]


def test_every_refusal_is_in_the_table() -> None:
    assert [kind.__name__ for kind in all_rejections() if kind not in TABLE] == []


def test_a_code_means_one_thing() -> None:
    problems = {problem for entry in TABLE.values() for problem in entry.problems}
    assert len({problem.code for problem in problems}) == len(problems)
    assert all(entry_for(kind) is TABLE[kind] for kind in TABLE)


async def test_every_type_resolves_to_its_explanation(service: Running) -> None:
    async with service.client() as client:
        for code, problem in PROBLEMS.items():
            page = await client.get(problem.type, headers={"Accept": "text/html,*/*"})
            data = await client.get(problem.type, headers={"Accept": "application/json"})
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8"), code
            assert f"<code>{code}</code>" in page.text
            assert (data.json()["code"], data.json()["status"]) == (code, problem.status)
            assert len(problem.explanation) > 20


async def test_an_unknown_problem_is_itself_one(service: Running) -> None:
    async with service.client() as client:
        for code in ("nonsense", "%00", "..%2f..%2fetc"):
            answer = await client.get(f"/problems/{code}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_front_page_escapes_what_hotels_and_hosts_are_called(service: Running, world: World) -> None:
    world.hotel('<script>alert("x")</script>', "<b>City</b>")
    await world.write()
    async with service.client() as client:
        page = await client.get("/", headers={"Host": 'evil"><script>'})
        fine = await client.get("/", headers={"Host": "book.example:8443"})
    assert "<script>alert" not in page.text
    assert "<b>City" not in page.text
    assert "evil" not in page.text
    assert "http://book.example:8443/v1/hotels" in fine.text


async def test_no_page_has_anything_inline_or_from_outside(service: Running, world: World) -> None:
    world.hotel()
    await world.write()
    async with service.client() as client:
        for path in ("/", "/docs", "/problems", "/problems/sold_out"):
            page = (await client.get(path)).text
            assert "<style" not in page
            assert " style=" not in page
            assert " onclick=" not in page
            assert page.count("<script") == page.count('<script src="/static/')
            assert "//" not in page.replace("<!doctype html>", "").replace("http://testserver", "")


def test_demo_sign_ins_are_never_shown_in_production(service: Running) -> None:
    sign_ins = [SignIn(email="a@b.cd", password=PASSWORD, role="manager", hotel=None)]
    for demo, production, shown in ((True, False, 1), (True, True, 0), (False, False, 0)):
        settings = service.settings.model_copy(update={"demo": demo, "production": production})
        assert len(pages_of(settings, sign_ins).sign_ins) == shown


async def test_static_files_are_revalidated_and_compressed(service: Running) -> None:
    async with service.client() as client:
        first = await client.get("/static/swagger-ui-bundle.js", headers={"Accept-Encoding": "gzip"})
        assert first.headers["content-encoding"] == "gzip"
        assert len(first.content) > 1_000_000
        again = await client.get("/static/swagger-ui-bundle.js", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("settings.py", "..%2fhtml.py", "%00", "__init__.py"):
            assert (await client.get(f"/static/{name}")).status_code == 404


async def test_the_document_describes_problems_and_signing_in(service: Running) -> None:
    async with service.client() as client:
        document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == set(PROBLEMS)
    assert "HTTPValidationError" not in orjson.dumps(document).decode()
    booking = document["paths"]["/v1/hotels/{hotel_id}/bookings"]["post"]
    assert {"Idempotency-Key", "If-Match"} <= {parameter["name"] for parameter in booking["parameters"]}
    assert all(
        list(answer["content"]) == ["application/problem+json"]
        for status, answer in booking["responses"].items()
        if status.startswith(("4", "5"))
    )
    assert set(booking["responses"]) == {
        "201", "400", "401", "403", "404", "408", "409", "412", "413", "422", "429", "431", "503"
    }  # fmt: skip


async def test_in_a_demo_the_examples_can_be_sent_as_they_are(service: Running) -> None:
    async with service.administrator() as administrator:
        hotel_id = await open_hotel(administrator)
    await project(service.settings)
    plain = pages_of(service.settings, ())
    service.app.state.pages = pages_of(service.settings.model_copy(update={"demo": True}), ())
    async with service.client() as client:
        booking = (await client.get("/openapi.json")).json()["paths"]["/v1/hotels/{hotel_id}/bookings"]["post"]
        examples = {parameter["name"]: parameter.get("example") for parameter in booking["parameters"]}
        assert examples["hotel_id"] == str(hotel_id)
        body = booking["requestBody"]["content"]["application/json"]["example"]
        booked = await client.post(f"/v1/hotels/{hotel_id}/bookings", json=body)
        assert booked.status_code == 201, booked.text
        service.app.state.pages = plain
        assert str(hotel_id) not in (await client.get("/openapi.json")).text


async def test_every_reference_of_the_document_leads_somewhere(service: Running) -> None:
    def references(value: object) -> list[str]:
        match value:
            case {"$ref": str(found)}:
                return [found]
            case dict():
                return [found for part in value.values() for found in references(part)]
            case list():
                return [found for part in value for found in references(part)]
            case _:
                return []

    async with service.client() as client:
        document = (await client.get("/openapi.json")).json()
    for reference in references(document):
        place: object = document
        for step in reference.removeprefix("#/").split("/"):
            assert isinstance(place, dict)
            place = place[step]
