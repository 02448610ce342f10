"""A hotel's changes, live: in order, resumed where they were left, for those who may, and without a connection each."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from query import stream
from query.kept_answers import KeptAnswers
from query.reached import Reached
from query.side import open_query_side
from query.stream import Streams
from staysync.embedded import free_port
from staysync.settings import Settings
from tests.clients import PASSWORD, Running, open_hotel, project, running, stay
from tests.eventstore.house import superuser
from tests.projections.workers import until
from tests.service import process, serving, wait_until_ready

PERSONAL = ("Ada", "Lovelace", "ada@example.org", "+44", "ciphertext")


def told(text: str) -> list[tuple[int, str]]:
    """The ids and types of the events of a stream."""
    found = []
    for part in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in part.splitlines() if line and not line.startswith(":"))
        if "id" in fields:
            assert fields["event"] == "reset" or orjson.loads(fields["data"])["seq"] == int(fields["id"])
            found.append((int(fields["id"]), fields["event"]))
    return found


@pytest.fixture
async def hotel_id(service: Running) -> UUID:
    async with service.administrator() as admin:
        return await open_hotel(admin, rooms=60)


async def book(service: Running, hotel_id: UUID, number: int = 1) -> None:
    async with service.client() as guest:
        for _ in range(number):
            booked = await guest.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())
            assert booked.status_code == 201, booked.text


async def test_what_is_there_is_told_in_order_and_without_personal_data(service: Running, hotel_id: UUID) -> None:
    await book(service, hotel_id, 2)
    async with service.staff(hotel_id) as staff:
        before = await staff.get(f"/v1/hotels/{hotel_id}/stream?after=0&lasts_s=0")
        assert told(before.text) == []  # the read tables don't say it yet
        await project(service.settings)
        answer = await staff.get(f"/v1/hotels/{hotel_id}/stream?after=0&lasts_s=0")
        rest = await staff.get(f"/v1/hotels/{hotel_id}/stream?lasts_s=0", headers={"Last-Event-ID": "3"})
    assert [seq for seq, _ in told(answer.text)] == [1, 2, 3, 4]
    assert told(answer.text)[2:] == [(3, "BookingMade"), (4, "BookingMade")]
    assert not any(words in answer.text for words in PERSONAL)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (answer.headers["x-accel-buffering"], answer.headers["cache-control"]) == ("no", "no-store")
    assert told(rest.text) == [(4, "BookingMade")]


async def test_a_long_history_is_caught_up_by_pages(
    service: Running, hotel_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_PAGE", 3)
    await book(service, hotel_id, 8)
    await project(service.settings)
    async with service.staff(hotel_id) as staff:
        answer = await staff.get(f"/v1/hotels/{hotel_id}/stream?after=0&lasts_s=0")
    assert [seq for seq, _ in told(answer.text)] == list(range(1, 11))


async def test_what_a_client_says_it_knows_is_checked(service: Running, hotel_id: UUID) -> None:
    await project(service.settings)
    async with service.staff(hotel_id) as staff:
        path = f"/v1/hotels/{hotel_id}/stream?lasts_s=0"
        assert told((await staff.get(path, headers={"Last-Event-ID": "900"})).text) == [(2, "reset")]
        for bad in ("x", "-1", "12x", "9" * 30):
            answer = await staff.get(path, headers={"Last-Event-ID": bad})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert (await staff.get(f"/v1/hotels/{hotel_id}/stream?after=-1")).status_code == 422
        assert (await staff.head(f"/v1/hotels/{hotel_id}/stream")).status_code == 200
    async with service.signed_in("admin@example.org") as admin:
        unknown = await admin.get(f"/v1/hotels/{uuid4()}/stream?lasts_s=0")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_hotel")


async def test_a_stream_outlives_the_time_of_a_request_and_says_that_it_lives(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.2)
    short = settings.model_copy(update={"request_timeout_s": 2})
    async with running(short) as service, service.administrator() as admin:
        hotel_id = await open_hotel(admin)
        answer = await admin.get(f"/v1/hotels/{hotel_id}/stream?lasts_s=3")
    assert answer.status_code == 200
    assert answer.text.count(": still here") >= 2


async def test_it_ends_when_the_role_is_taken(
    service: Running, hotel_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.2)
    async with service.staff(hotel_id) as staff, service.signed_in("admin@example.org") as admin:
        listening = asyncio.create_task(staff.get(f"/v1/hotels/{hotel_id}/stream"))
        await until(lambda: _are_open(service, 1))
        taken = await admin.delete(f"/v1/hotels/{hotel_id}/members/front_desk.{hotel_id}@example.org")
        assert taken.status_code in (200, 204), taken.text
        assert "event: end" in (await listening).text
    assert service.app.state.streams.open() == 0


async def _are_open(service: Running, number: int) -> bool:
    return bool(service.app.state.streams.open() == number)


async def test_an_account_has_a_few_streams_and_others_have_theirs(settings: Settings) -> None:
    few = settings.model_copy(update={"streams_per_account": 2, "streams": 3})
    async with running(few) as service, service.administrator() as admin:
        hotel_id = await open_hotel(admin)
        path = f"/v1/hotels/{hotel_id}/stream"
        open_ones = [asyncio.create_task(admin.get(path)) for _ in range(2)]
        await until(lambda: _are_open(service, 2))
        third = await admin.get(path)
        assert (third.status_code, third.json()["code"], third.json()["maximum"]) == (429, "too_many_streams", 2)
        assert third.headers["retry-after"] == "30"
        async with service.staff(hotel_id) as staff:
            open_ones.append(asyncio.create_task(staff.get(path)))
            await until(lambda: _are_open(service, 3))
        async with service.staff(hotel_id, "manager") as manager:
            assert (await manager.get(path)).json()["maximum"] == 3
        for one in open_ones:
            one.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)
        await until(lambda: _are_open(service, 0))
        assert (await admin.get(f"{path}?lasts_s=0")).status_code == 200


# ---------------------------------------------------------------- one reader for many


@asynccontextmanager
async def streams_of(settings: Settings, *, redis_url: str | None) -> AsyncIterator[Streams]:
    """Streams on a read side with a single connection to the database."""
    async with open_query_side(
        settings.sqlalchemy_url("query"),
        pool_size=1,
        position_wait_s=2,
        redis_url=redis_url,
        kept=KeptAnswers(None, keep_s=0, build="tests"),
    ) as side:
        streams = Streams(side, most=1000, most_per_account=1000)
        yield streams
        await streams.close()


async def listened(streams: Streams, hotel_id: UUID, end: int) -> list[tuple[int, str]]:
    """What one client is told up to an event."""
    beginning = await streams.begin(hotel_id, None)
    seat = streams.sit(beginning, "somebody")

    async def may_listen() -> bool:
        return True

    text = ""
    try:
        async for sent in streams.listen(seat, lasts_s=60, reset=False, may_listen=may_listen):
            text += sent.decode()
            if seat.at >= end:
                break
    finally:
        streams.leave(seat)
    return told(text)


@pytest.mark.parametrize("pushed", [True, False])
async def test_many_clients_share_one_reader_and_one_connection(
    service: Running, hotel_id: UUID, monkeypatch: pytest.MonkeyPatch, *, pushed: bool
) -> None:
    await project(service.settings)
    reads = 0
    page = Streams._page

    async def counted(streams: Streams, hotel_id: UUID, after: int) -> list[stream.Sent]:
        nonlocal reads
        reads += 1
        return await page(streams, hotel_id, after)

    monkeypatch.setattr(Streams, "_page", counted)
    async with streams_of(service.settings, redis_url=service.settings.redis_url if pushed else None) as streams:
        clients = [asyncio.create_task(listened(streams, hotel_id, 5)) for _ in range(100)]

        async def all_sit() -> bool:
            return streams.open() == 100

        await until(all_sit)
        for _ in range(3):
            await book(service, hotel_id)
            await project(service.settings)
        answers = await asyncio.gather(*clients)
        assert streams.open() == 0
    assert answers == [[(3, "BookingMade"), (4, "BookingMade"), (5, "BookingMade")]] * 100
    assert reads < 50  # and not some for each client


async def test_a_stream_goes_on_after_the_database_ended_its_connections(service: Running, hotel_id: UUID) -> None:
    await project(service.settings)
    async with streams_of(service.settings, redis_url=None) as streams:
        client = asyncio.create_task(listened(streams, hotel_id, 4))

        async def it_sits() -> bool:
            return streams.open() == 1

        await until(it_sits)
        for _ in range(2):
            async with superuser(service.settings) as connection:
                await connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'staysync_query'"
                    " and datname = current_database()"
                )
            await book(service, hotel_id)
            await project(service.settings)
        assert await client == [(3, "BookingMade"), (4, "BookingMade")]


def test_waiters_leave_nothing_behind() -> None:
    reached = Reached()
    with reached.ear({UUID(int=1): 5, UUID(int=2): 1}):
        assert len(reached.waiting()) == 2
    assert not reached.waiting()


# ---------------------------------------------------------------- over a real connection


@contextmanager
def sign_in(url: str, email: str) -> Iterator[httpx.Client]:
    """A browser signed in by its cookies."""
    with httpx.Client(base_url=url, timeout=30) as browser:
        assert browser.post("/v1/auth/login", json={"email": email, "password": PASSWORD}).status_code == 200
        yield browser


async def test_a_browser_hears_of_a_booking_and_resumes_where_it_was(settings: Settings, hotel_id: UUID) -> None:
    await project(settings)
    await asyncio.to_thread(_hear_and_resume, settings, hotel_id)


def _hear_and_resume(settings: Settings, hotel_id: UUID) -> None:
    path = f"/v1/hotels/{hotel_id}/stream"
    with serving(settings) as url, sign_in(url, "admin@example.org") as browser:
        with browser.stream("GET", path) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "retry: 2000"
            guest = httpx.Client(base_url=url)
            for _ in range(3):
                assert guest.post(f"/v1/hotels/{hotel_id}/bookings", json=stay()).status_code == 201
            ids: list[int] = []
            while len(ids) < 2:
                line = next(lines)
                ids += [int(line[4:])] if line.startswith("id: ") else []
        assert ids == [3, 4]
        with browser.stream("GET", path, headers={"Last-Event-ID": "4"}) as answer:
            assert next(line for line in answer.iter_lines() if line.startswith("id: ")) == "id: 5"
        guest.close()


@pytest.mark.usefixtures("service")
async def test_a_shutdown_ends_streams_in_order(settings: Settings, hotel_id: UUID) -> None:
    await asyncio.to_thread(_shut_down, settings, hotel_id)


def _shut_down(settings: Settings, hotel_id: UUID) -> None:
    port = free_port()
    with process(settings, port, "serve") as api:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, api)
        with (
            sign_in(url, "admin@example.org") as browser,
            browser.stream("GET", f"/v1/hotels/{hotel_id}/stream") as answer,
        ):
            lines = answer.iter_lines()
            next(lines)
            api.send_signal(signal.SIGTERM)
            list(lines)  # an answer that is cut off would raise
        assert api.wait(30) in (0, -signal.SIGTERM)  # uvicorn ends in order, and then by the signal that it was sent


async def test_a_client_that_takes_nothing_is_cut_off(settings: Settings, service: Running, hotel_id: UUID) -> None:
    await book(service, hotel_id, 50)
    await project(settings)
    await asyncio.to_thread(_take_nothing, settings.model_copy(update={"write_timeout_s": 0.5}), hotel_id)


def _take_nothing(settings: Settings, hotel_id: UUID) -> None:
    """Ask again and again on one connection and read nothing, until the server has had enough."""
    port = free_port()
    with process(settings, port, "serve") as api:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, api)
        with sign_in(url, "admin@example.org") as browser:
            token = browser.cookies["staysync_access"]
        request = (
            f"GET /v1/hotels/{hotel_id}/stream?after=0&lasts_s=0 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        ).encode()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(60)
            client.connect(("127.0.0.1", port))
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                client.sendall(request * 100_000)
