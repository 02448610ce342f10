"""What the demo makes, that it is made once, and that it goes on after an interruption."""

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace

import asyncpg
import pytest

from domain.booking_commands import CancelLines
from eventstore.appender import Appender
from eventstore.submission import Acknowledged, Submission
from staysync.demo import SIZES, make_demo
from staysync.generator import MadeBooking, Sizes, make_hotels, make_life
from staysync.settings import Settings

NOW = datetime(2025, 3, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def demo(settings: Settings) -> Settings:
    """An installation that wants a demo."""
    return settings.model_copy(update={"demo": True})


async def counted(settings: Settings, question: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(settings.database_url)
    try:
        return [tuple(row) for row in await connection.fetch(question)]
    finally:
        await connection.close()


KINDS = "select hotel_id, type, count(*) from ledger.event group by 1, 2 order by 1, 2"
HISTORY = "select hotel_id, seq, stream_id, version, type, occurred_at from ledger.event order by 1, 2"


async def test_it_has_three_hotels_with_a_past_a_present_and_a_future(demo: Settings) -> None:
    sign_ins = await make_demo(demo)
    assert [sign_in.role for sign_in in sign_ins] == ["administrator", *["manager"] * 3, "front_desk"]
    opened = await counted(
        demo, "select data ->> 'country', data ->> 'timezone', data ->> 'currency' from ledger.event"
        " where type = 'HotelOpened'"
    )  # fmt: skip
    assert len(opened) == len({timezone for _, timezone, _ in opened}) == SIZES.hotels
    assert len({currency for _, _, currency in opened}) == SIZES.hotels
    kinds: Counter[object] = Counter()
    for _, kind, number in await counted(demo, KINDS):
        assert isinstance(number, int)
        kinds[kind] += number
    assert kinds["RoomTypeAdded"] == 12
    assert kinds["BookingMade"] > 300
    for kind in ("BookingHeld", "PricesSet", "LinesCancelled", "NoShowRecorded"):
        assert kinds[kind] >= 10
    assert kinds["GuestsCheckedIn"] > kinds["GuestsCheckedOut"]  # somebody is in house
    # Nobody has to look for long to see what a hotel does besides.
    assert kinds["RoomsAssigned"] > kinds["GuestsCheckedIn"]  # some are expected in the next days
    assert kinds["BookingChanged"] >= 10
    assert kinds["RoomTakenOutOfOrder"] == kinds["AllowanceSet"] == kinds["GuestsWalked"] == SIZES.hotels
    assert kinds["RestrictionsSet"] == 3 * SIZES.hotels
    held = await counted(demo, "select count(*) from ledger.hold where hold_until > clock_timestamp()")
    assert held == [(kinds["BookingHeld"],)]


async def test_a_look_at_it_shows_rooms_upgrades_and_nights_that_are_not_like_others(demo: Settings) -> None:
    await make_demo(demo)
    assert await counted(demo, "select type from ledger.event where type = 'HotelOpened'") == [("HotelOpened",)] * 3
    upgrades = (
        "select count(*) from ledger.event a join ledger.event b"
        " on b.hotel_id = a.hotel_id and b.stream_id = a.stream_id and b.version = 1 where a.type = 'RoomsAssigned'"
        " and a.data #>> '{assignments,0,room_type}' <> b.data #>> '{lines,0,room_type}' group by a.hotel_id"
    )
    assert len(await counted(demo, upgrades)) == SIZES.hotels
    # Today a room is being repaired, and other rooms have guests, also of tomorrow.
    for question in (
        "select count(*) from ledger.room_stay where stay @> current_date group by hotel_id",
        "select count(*) from ledger.room_stay where lower(stay) > current_date group by hotel_id",
        "select count(*) from ledger.night where stop_sell group by hotel_id",
        "select count(*) from ledger.night where minimum_stay > 1 group by hotel_id",
        "select count(*) from ledger.night where closed_to_arrival group by hotel_id",
        "select count(*) from ledger.night where sold + held > in_service group by hotel_id",
    ):
        assert len(await counted(demo, question)) == SIZES.hotels, question
    words = await counted(
        demo,
        "select count(*) from ledger.event e join ledger.guest_key k on k.hotel_id = e.hotel_id"
        " and k.guest_id::text in (e.data #>> '{reason,guest_id}', e.data #>> '{sent_to,guest_id}')",
    )
    assert words == [(3 * SIZES.hotels,)]


async def test_made_again_it_changes_nothing(demo: Settings) -> None:
    first = await make_demo(demo)
    before = await counted(demo, HISTORY)
    assert await make_demo(demo) == first
    assert await counted(demo, HISTORY) == before


async def test_interrupted_it_goes_on_to_what_it_would_have_been(
    demo: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, budget = Appender.submit, iter(range(400))

    async def until_the_power_fails(self: Appender, submission: Submission) -> Acknowledged:
        if next(budget, None) is None:
            raise RuntimeError("the power failed")
        return await submit(self, submission)

    with monkeypatch.context() as patched:
        patched.setattr(Appender, "submit", until_the_power_fails)
        with pytest.raises(ExceptionGroup):
            await make_demo(demo)
    partial = await counted(demo, HISTORY)
    assert 0 < len(partial) <= 400
    await make_demo(demo)
    whole = await counted(demo, HISTORY)
    assert len(whole) > 1000
    assert set(partial) <= set(whole)
    assert await counted(demo, "select stream_id from ledger.event group by 1, version having count(*) > 1") == []
    assert len({(row[0], row[5]) for row in whole}) == len(whole)  # each at an instant of its own


async def test_where_it_is_switched_off_or_public_there_is_none(settings: Settings, demo: Settings) -> None:
    assert await make_demo(settings) == []
    assert await make_demo(demo.model_copy(update={"production": True})) == []
    assert await counted(demo, KINDS) == []
    assert await counted(demo, "select * from identity.account") == []


def test_a_seed_gives_the_same_life_each_time() -> None:
    sizes = Sizes(hotels=2, room_types=6, rooms=30)
    hotels = make_hotels(1, NOW - timedelta(days=42), sizes)
    assert hotels == make_hotels(1, NOW - timedelta(days=42), sizes)
    assert [len(hotel.room_types) for hotel in hotels] == [6, 6]
    lives = [make_life(1, hotels[0], NOW - timedelta(days=42), NOW, bookings=200, days_ahead=60) for _ in range(2)]
    assert lives[0] == lives[1]
    assert lives[0] != make_life(2, hotels[0], NOW - timedelta(days=42), NOW, bookings=200, days_ahead=60)


@pytest.mark.parametrize("hour", [0, 3, 6, 9, 12, 15, 18, 21])
async def test_nothing_of_it_is_refused_whenever_it_is_made(
    demo: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, hour: int
) -> None:
    def at_that_hour(zone: tzinfo) -> datetime:
        return datetime.now(zone).replace(hour=hour, minute=30) - timedelta(days=1)

    monkeypatch.setattr("staysync.demo.datetime", SimpleNamespace(now=at_that_hour))
    with caplog.at_level(logging.WARNING, "staysync.demo"):
        await make_demo(demo)
    assert caplog.records == []


def test_a_life_is_in_order_in_the_past_and_tells_each_booking_first() -> None:
    hotel = make_hotels(1, NOW - timedelta(days=42), Sizes())[0]
    life = make_life(1, hotel, NOW - timedelta(days=42), NOW, bookings=300, days_ahead=60, holds=5)
    instants = [happening.occurred_at for happening in life]
    assert instants == sorted(set(instants))
    assert NOW - timedelta(days=42) < instants[0]
    assert instants[-1] <= NOW
    known = set()
    for happening in life:
        if isinstance(happening.what, MadeBooking):
            known.add(happening.stream_id)
        assert happening.stream_id in known | {hotel.hotel_id}
    assert any(isinstance(happening.what, CancelLines) for happening in life)
