"""As of an instant: what calendars, bookings and lists say is what a fold of the ledger up to there says."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.bookings import LineState
from eventstore.reading import RecordedEvent
from query.as_of import Moment, seqs_at
from query.bookings import SORTS, Filter
from query.past_bookings import booking_as_of, bookings_as_of
from query.past_calendar import calendar_as_of
from query.side import QuerySide
from readmodels.rows import BOOKING, BOOKING_NIGHT, LINE, NIGHT, ROOM_TYPE, BookingRow
from readmodels.working_set import WorkingSet
from staysync.settings import Settings
from tests.clients import Running, open_hotel, project, stay
from tests.eventstore.house import superuser
from tests.http.test_statements import counted
from tests.readmodels.test_random_batches import lived
from tests.readmodels.words import HOTEL_ID, folded

RECORDED = datetime(2027, 2, 1, tzinfo=UTC)
"""When what these tests make up was recorded, a second for each event: long after it happened."""


@dataclass(frozen=True, slots=True)
class Past:
    """A hotel's history in the ledger and projected."""

    side: QuerySide
    events: list[RecordedEvent]

    @property
    def instants(self) -> list[datetime]:
        """When something happened; several events may share an instant."""
        return sorted({event.occurred_at for event in self.events})

    def seq_at(self, instant: datetime) -> int:
        """The last event that had happened by then."""
        return bisect_right([event.occurred_at for event in self.events], instant)

    def rows_at(self, instant: datetime) -> WorkingSet:
        """The rows as a fold from nothing up to there makes them."""
        return folded(self.events[: self.seq_at(instant)])

    async def moment(self, instant: datetime) -> Moment:
        async with self.side.session() as session:
            [seq] = await seqs_at(session, HOTEL_ID, [(instant, None)])
        assert seq == self.seq_at(instant)
        return Moment(seq=seq, instant=instant)


async def record(settings: Settings, events: Iterable[RecordedEvent]) -> None:
    """Write made-up events into the ledger as they are. Nothing here looks at their hashes."""
    async with superuser(settings) as connection:
        await connection.executemany(
            "insert into ledger.event values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            [
                (
                    *(event.hotel_id, event.seq, event.stream_id, event.version, event.schema_version, event.type),
                    *(event.occurred_at, event.recorded_at, event.hash, event.data, event.metadata),
                )
                for event in events
            ],
        )
        await connection.execute(
            "insert into ledger.head select hotel_id, seq, hash, occurred_at, recorded_at, 1 from ledger.event"
            " where hotel_id = $1 order by seq desc limit 1",
            HOTEL_ID,
        )


@pytest.fixture(params=range(3))
async def past(request: pytest.FixtureRequest, service: Running) -> Past:
    """A random history: some 40 things that happened."""
    world = lived(Random(request.param), 60)  # noqa: S311 - nothing is secret here
    events = [replace(event, recorded_at=RECORDED + timedelta(seconds=event.seq)) for event in world.ledger.events]
    await record(service.settings, events)
    await project(service.settings)
    return Past(service.app.state.query, events)


# ---------------------------------------------------------------- instants


async def test_an_instant_is_the_last_event_that_had_happened_and_was_recorded_by_then(past: Past) -> None:
    tick = timedelta(microseconds=1)
    recorded = [event.recorded_at for event in past.events]
    occurred = [event.occurred_at for event in past.events]
    times: list[tuple[datetime | None, datetime | None]] = [(None, None)]
    wanted = [len(past.events)]
    for instant in [each + offset for each in past.instants for offset in (-tick, timedelta(), tick)]:
        times.append((instant, None))
        wanted.append(bisect_right(occurred, instant))
    for instant in [each + offset for each in recorded for offset in (-tick, timedelta(), tick)]:
        times.append((None, instant))
        wanted.append(bisect_right(recorded, instant))
    times += [(occurred[9], recorded[4]), (occurred[4], recorded[9])]
    wanted += [
        min(bisect_right(occurred, one), bisect_right(recorded, other)) for one, other in times[-2:] if one and other
    ]
    async with past.side.session() as session:
        assert await seqs_at(session, HOTEL_ID, times) == wanted


# ---------------------------------------------------------------- the calendar


def due(rows: WorkingSet, instant: datetime) -> dict[tuple[date, str], int]:
    """How many rooms of which nights are held past their deadline."""
    late: dict[tuple[date, str], int] = {}
    for night in rows.rows(BOOKING_NIGHT):
        booking = rows.get(BOOKING, (night.booking_id,))
        assert booking is not None
        if night.claim == "held" and booking.hold_until is not None and booking.hold_until <= instant:
            late[night.night, night.room_type] = late.get((night.night, night.room_type), 0) + 1
    return late


async def test_a_calendar_is_as_a_fold_up_to_there_has_it(past: Past) -> None:
    end = past.instants[-1]
    for instant in [*past.instants, end + timedelta(hours=12), end + timedelta(days=3)]:
        rows, moment = past.rows_at(instant), await past.moment(instant)
        late = due(rows, instant)
        first = min((row.night for row in rows.rows(NIGHT)), default=date(2026, 12, 1))
        async with past.side.session() as session:
            calendar = await calendar_as_of(session, HOTEL_ID, first, first + timedelta(days=60), moment)
        shown = {
            (night.date, kind.code): (
                *(night.in_service, night.allowance, night.free, Decimal(night.price.amount)),
                *(night.restrictions.stop_sell, night.restrictions.minimum_stay),
                *(night.restrictions.closed_to_arrival, night.restrictions.closed_to_departure),
            )
            for kind in calendar.room_types
            for night in kind.nights
        }
        assert shown == {
            key: (
                *(row.in_service, row.allowance),
                max(row.in_service + row.allowance - row.sold - row.held + late.get(key, 0), 0),
                *(row.price, row.stop_sell, row.minimum_stay, row.closed_to_arrival, row.closed_to_departure),
            )
            for row in rows.rows(NIGHT)
            if (key := NIGHT.key_of(row))
        }
        assert [kind.code for kind in calendar.room_types] == sorted(row.code for row in rows.rows(ROOM_TYPE))


# ---------------------------------------------------------------- bookings


def listed(rows: WorkingSet, wanted: Filter) -> list[BookingRow]:
    """The bookings of a fold that match."""
    return [
        row
        for row in rows.rows(BOOKING)
        if (not wanted.states or row.state in wanted.states)
        and (wanted.arrival_from is None or row.arrival >= wanted.arrival_from)
        and (wanted.arrival_to is None or row.arrival < wanted.arrival_to)
        and (wanted.channel is None or row.channel == wanted.channel)
    ]


@pytest.mark.parametrize("sort", SORTS)
async def test_a_list_has_the_bookings_that_a_fold_up_to_there_has_page_by_page(past: Past, sort: str) -> None:
    middle = past.instants[len(past.instants) // 2].date()
    filters = [
        Filter(),
        Filter(states=[LineState.CONFIRMED, LineState.HELD]),
        Filter(states=[LineState.CANCELLED]),
        Filter(arrival_from=middle, arrival_to=middle + timedelta(days=2), channel="web"),
        Filter(channel="phone"),
    ]
    for number, instant in enumerate(past.instants):
        rows, moment, wanted = past.rows_at(instant), await past.moment(instant), filters[number % len(filters)]
        found, after = [], None
        while True:
            async with past.side.session() as session:
                page = await bookings_as_of(session, HOTEL_ID, wanted, moment, sort=sort, limit=3, after=after)
            found += page.items
            after = page.next
            if after is None:
                break
        expected = listed(rows, wanted)
        column = sort.removeprefix("-")
        expected.sort(key=lambda row: (getattr(row, column), row.booking_id), reverse=sort.startswith("-"))
        assert [
            (item.booking_id, item.state, item.version, item.arrival, item.departure, Decimal(item.total.amount),
             item.hold_until, item.booked_at, item.guest.guest_id)
            for item in found
        ] == [
            (row.booking_id, row.state, row.version, row.arrival, row.departure, row.total,
             row.hold_until, row.booked_at, row.guest_id)
            for row in expected
        ]  # fmt: skip
        for item in found:
            assert [
                (line.line, line.room_type, line.adults, line.children, line.state, line.room) for line in item.lines
            ] == [
                (line.line, line.room_type, line.adults, len(line.child_ages), line.state, line.room)
                for line in lines_of(rows, item.booking_id)
            ]


def lines_of(rows: WorkingSet, booking_id: UUID) -> list[Any]:
    return sorted((line for line in rows.rows(LINE) if line.booking_id == booking_id), key=lambda line: line.line)


async def test_a_booking_is_as_a_fold_up_to_there_has_it(past: Past) -> None:
    for instant in past.instants:
        rows, moment = past.rows_at(instant), await past.moment(instant)
        for row in rows.rows(BOOKING):
            async with past.side.session() as session:
                shown = await booking_as_of(session, HOTEL_ID, row.booking_id, moment)
            assert (
                shown.reference, shown.state, shown.version, shown.arrival, shown.departure,
                Decimal(shown.total.amount), shown.hold_until, shown.booked_at, shown.changed_at, shown.guest.guest_id,
                shown.booker and shown.booker.guest_id, shown.flags, shown.statistics.channel, shown.rate_plan,
            ) == (
                row.reference, row.state, row.version, row.arrival, row.departure,
                row.total, row.hold_until, row.booked_at, row.changed_at, row.guest_id,
                row.booker_id, list(row.flags), row.channel, row.rate_plan,
            )  # fmt: skip
            assert [entry.seq for entry in shown.timeline][-1] == row.seq
            assert len(shown.timeline) == row.version
            for line, kept in zip(shown.lines, lines_of(rows, row.booking_id), strict=True):
                assert (line.room_type, line.child_ages, line.state, line.room, Decimal(line.total.amount)) == (
                    kept.room_type, list(kept.child_ages), kept.state, kept.room, kept.total,
                )  # fmt: skip
                assert [
                    (night.date, night.room_type, Decimal(night.price.amount), night.claim) for night in line.nights
                ] == [
                    (night.night, night.room_type, night.price, night.claim)
                    for night in sorted(rows.rows(BOOKING_NIGHT), key=lambda night: night.night)
                    if (night.booking_id, night.line) == (row.booking_id, line.line)
                ]


# ---------------------------------------------------------------- over HTTP


@pytest.fixture
async def hotel_id(service: Running) -> UUID:
    async with service.administrator() as administrator:
        return await open_hotel(administrator)


async def test_a_booking_that_was_cancelled_is_confirmed_as_of_before(service: Running, hotel_id: UUID) -> None:
    async with service.staff(hotel_id, "manager") as staff:
        booked = (await staff.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())).json()
        path = f"/v1/hotels/{hotel_id}/bookings/{booked['booking_id']}"
        await project(service.settings)
        before = (await staff.get(path)).json()["changed_at"]
        described = await staff.post(
            f"{path}/guest", json={"guest": {"full_name": "Ada King", "email": "ada@example.org"}}
        )
        assert described.status_code == 200, described.text
        assert (await staff.post(f"{path}/cancel", json={})).status_code == 200
        await project(service.settings)
        dates = {"from": booked["lines"][0]["arrival"], "to": booked["lines"][0]["departure"]}
        for name in ("as_of", "known_at"):
            then = {name: before}
            one = await staff.get(path, params=then)
            assert (one.json()["state"], len(one.json()["timeline"])) == ("confirmed", 1)
            assert "ETag" not in one.headers
            assert one.json()["guest"]["full_name"] == "Ada King", "details are those of today"
            listed = await staff.get(f"/v1/hotels/{hotel_id}/bookings", params={"state": "confirmed", **then})
            assert [item["booking_id"] for item in listed.json()["items"]] == [booked["booking_id"]]
            calendar = await staff.get(f"/v1/hotels/{hotel_id}/calendar", params={**dates, **then})
            assert [night["free"] for night in calendar.json()["room_types"][0]["nights"]] == [1, 1]
        assert (await staff.get(path)).json()["state"] == "cancelled"
        assert (await staff.get(f"/v1/hotels/{hotel_id}/bookings", params={"state": "confirmed"})).json()["items"] == []


@pytest.mark.parametrize("place", ["calendar", "bookings", "bookings/{booking}"])
@pytest.mark.parametrize("name", ["as_of", "known_at"])
async def test_an_instant_that_cant_be_asked_about_is_refused_in_words(
    service: Running, hotel_id: UUID, place: str, name: str
) -> None:
    async with service.staff(hotel_id, "manager") as staff:
        booked = (await staff.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())).json()
        await project(service.settings)
        path = f"/v1/hotels/{hotel_id}/{place.format(booking=booked['booking_id'])}"
        for unusable in (
            *("2026-05-31", "2026-05-31T12:00:00", "1780000000", "yesterday", "2026-05-31T12:00:00 02:00", ""),
            *("2026-02-30T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-05-31T25:00:00Z"),
        ):
            refused = await staff.get(path, params={name: unusable})
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), unusable
            assert refused.json()["errors"][0]["pointer"] == f"/{name}", unusable
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        refused = await staff.get(path, params={name: later})
        assert refused.status_code == 422
        assert "yet to come" in refused.json()["errors"][0]["detail"]
        early = await staff.get(path, params={name: "2000-01-01T00:00:00+02:00"})
        assert (early.status_code, early.json()["code"]) == (404, "not_there_then")
        stranger = await staff.get(f"/v1/hotels/{UUID(int=5)}/calendar", params={name: "2000-01-01T00:00:00Z"})
        assert (stranger.status_code, stranger.json()["code"]) == (404, "unknown_hotel")


async def test_a_booking_of_later_wasnt_there_then(service: Running, hotel_id: UUID) -> None:
    async with service.staff(hotel_id, "manager") as staff:
        await project(service.settings)
        opened = datetime.now(UTC).isoformat()
        booked = (await staff.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())).json()
        await project(service.settings)
        path = f"/v1/hotels/{hotel_id}/bookings"
        early = await staff.get(f"{path}/{booked['booking_id']}", params={"as_of": opened})
        assert (early.status_code, early.json()["code"]) == (404, "not_there_then")
        assert (await staff.get(path, params={"as_of": opened})).json() == {"items": [], "next": None}
        unknown = await staff.get(f"{path}/{UUID(int=5)}", params={"as_of": opened})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_booking")


async def test_what_isnt_projected_yet_is_waited_for_and_never_left_out(service: Running, hotel_id: UUID) -> None:
    async with service.staff(hotel_id, "manager") as staff:
        await project(service.settings)
        booked = await staff.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())
        now = datetime.now(UTC).isoformat()
        waiting = await staff.get(f"/v1/hotels/{hotel_id}/bookings", params={"as_of": now})
        assert (waiting.status_code, waiting.json()["code"]) == (503, "position_not_reached")
        await project(service.settings)
        listed = await staff.get(f"/v1/hotels/{hotel_id}/bookings", params={"as_of": now})
        assert [item["booking_id"] for item in listed.json()["items"]] == [booked.json()["booking_id"]]


@pytest.mark.parametrize("place", ["calendar", "bookings", "bookings/{booking}"])
async def test_much_of_the_past_takes_as_many_statements_as_little(
    service: Running, hotel_id: UUID, place: str
) -> None:
    counts = []
    async with service.staff(hotel_id, "manager") as staff:
        for number in (1, 12):
            for day in range(number):
                body = stay(nights=1, begins_in=number + day)
                booked = await staff.post(f"/v1/hotels/{hotel_id}/bookings", json=body)
                assert booked.status_code == 201, booked.text
            await project(service.settings)
            path = f"/v1/hotels/{hotel_id}/{place.format(booking=booked.json()['booking_id'])}"
            with counted(service) as statements:
                found = await staff.get(path, params={"as_of": datetime.now(UTC).isoformat()})
            assert found.status_code == 200, found.text
            counts.append(len(statements))
    assert counts == [4, 4]
