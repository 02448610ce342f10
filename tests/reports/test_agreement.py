"""On random histories every report says what folding the events one by one says, as of any instant, and to the cent.

And they agree with one another: whatever they are grouped by, their sums are the same.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.bookings import LineState
from domain.values import rounded
from eventstore.reading import RecordedEvent
from query.reports.answering import Answer
from query.reports.booked import COUNTED
from query.reports.registry import REPORTS
from staysync.settings import Settings
from tests.domain.house import TODAY
from tests.reports.conftest import Ask
from tests.reports.histories import keep, two_seasons
from tests.reports.naive import NOTHING, Life, Sold, Told, available_by, days_of, named, sold_by, told, year_before

FIRST, UNTIL = TODAY - timedelta(days=3), TODAY + timedelta(days=400)
PERIODS = ("day", "week", "month")


@dataclass(frozen=True)
class Seen:
    """A hotel as of an instant: what reports are asked, and what the events up to there tell."""

    ask: Ask
    hotel_id: UUID
    events: list[RecordedEvent]
    at: datetime
    how: str | None
    """The parameter that says as of when; None for now."""

    def until(self, happened: datetime) -> list[RecordedEvent]:
        """The events that are seen and had happened by an instant."""
        time = "recorded_at" if self.how == "known_at" else "occurred_at"
        return [event for event in self.events if getattr(event, time) <= self.at and event.occurred_at <= happened]

    @property
    def hotel(self) -> Told:
        """The hotel at that instant."""
        return told(self.until(self.at))

    async def answer(self, name: str, **asked: Any) -> Answer:
        """What the report says then."""
        when = {} if self.how is None else {self.how: self.at}
        dates = {"first": FIRST, "until": UNTIL}
        return await self.ask(self.hotel_id, name, max(self.at, self.events[-1].recorded_at), **dates | when | asked)


@pytest.fixture(params=range(3))
async def seen(request: pytest.FixtureRequest, settings: Settings, ask: Ask) -> list[Seen]:
    """A hotel now, at some instants of its history, and as known at one.

    Some lie exactly a day and a week after a booking, where what is of the last day or week has its end.
    """
    random = Random(request.param)  # noqa: S311 - instants, not a secret
    events = two_seasons(request.param, 150)
    hotel_id = await keep(settings, events)
    happened, known = random.sample(events[len(events) // 4 :], 2)
    sale = random.choice([event for event in events if event.type == "BookingMade"])
    instants = (happened.occurred_at, *(sale.occurred_at + timedelta(days=days) for days in (1, 7)))
    now = events[-1].recorded_at + timedelta(hours=5)
    return [
        Seen(ask, hotel_id, events, now, None),
        *(Seen(ask, hotel_id, events, at, "as_of") for at in instants),
        Seen(ask, hotel_id, events, known.recorded_at, "known_at"),
    ]


def money(amount: Decimal) -> str:
    return f"{rounded(amount, 'EUR'):f}"


def divided(over: Decimal | int, under: int) -> Decimal | None:
    return Decimal(over) / under if under else None


def mean(over: Decimal | int, under: int) -> float | None:
    value = divided(over, under)
    return None if value is None else float(rounded(value, "EUR"))


def paid(over: Decimal | int, under: int) -> str | None:
    value = divided(over, under)
    return None if value is None else money(value)


def key_of(group_by: str) -> Callable[[date, str, str | None], Any]:
    """By what a room night counts."""

    def key(night: date, room_type: str, channel: str | None) -> Any:
        return (
            {"room_type": room_type, "channel": channel}.get(group_by)
            if group_by not in PERIODS
            else named(night, group_by)
        )

    return key


def keys_of(group_by: str, known: Iterable[Any]) -> set[Any]:
    """The rows that there are: all periods, or the values that are known."""
    return {named(day, group_by) for day in days_of(FIRST, UNTIL)} if group_by in PERIODS else set(known)


# ---------------------------------------------------------------- by stay date


async def test_occupancy_and_revenue_are_what_the_events_come_to(seen: list[Seen]) -> None:
    for each in seen:
        hotel = each.hotel
        for group_by in REPORTS["occupancy"].groupings:
            key = key_of(group_by)
            available = available_by(hotel, FIRST, UNTIL, lambda night, kind, key=key: key(night, kind, None))  # type: ignore[misc]
            sold = sold_by(hotel, FIRST, UNTIL, key)
            occupancy = await each.answer("occupancy", group_by=group_by)
            revenue = await each.answer("revenue", group_by=group_by)
            wanted = keys_of(group_by, available)
            assert [row[group_by] for row in occupancy.rows] == sorted(wanted)
            assert occupancy.rows == [
                {
                    group_by: name,
                    "rooms_available": available[name],
                    "rooms_sold": sold[name].rooms,
                    "occupancy": mean(100 * sold[name].rooms, available[name]),
                }
                for name in sorted(wanted)
            ]
            assert revenue.rows == [
                {
                    group_by: name,
                    "rooms_available": available[name],
                    "rooms_sold": sold[name].rooms,
                    "revenue": money(sold[name].revenue),
                    "adr": paid(sold[name].revenue, sold[name].rooms),
                    "revpar": paid(sold[name].revenue, available[name]),
                }
                for name in sorted(wanted)
            ]


async def test_channels_are_what_the_events_come_to(seen: list[Seen]) -> None:
    for each in seen:
        hotel = each.hotel
        all_sold = sold_by(hotel, FIRST, UNTIL, lambda *_: "all")["all"]
        for group_by in REPORTS["channels"].groupings:
            sold = sold_by(
                hotel,
                FIRST,
                UNTIL,
                lambda night, _, channel, by=group_by: (None if by == "channel" else named(night, by), channel),  # type: ignore[misc]
            )
            answer = await each.answer("channels", group_by=group_by)
            found = {(row.get(group_by) if group_by != "channel" else None, row["channel"]): row for row in answer.rows}
            assert found.keys() == {key for key, (rooms, revenue) in sold.items() if rooms or revenue}
            for key, row in found.items():
                assert (row["rooms_sold"], row["revenue"]) == (sold[key].rooms, money(sold[key].revenue))
                assert row["share_of_rooms"] == mean(100 * sold[key].rooms, all_sold.rooms)


async def test_pickup_is_what_came_since_a_day_a_week_and_four_weeks_ago(seen: list[Seen]) -> None:
    for each in seen:
        hotels = {days: told(each.until(each.at - timedelta(days=days))) for days in (0, 1, 7, 28)}
        for group_by in REPORTS["pickup"].groupings:
            key = key_of(group_by)
            sold = {days: sold_by(hotel, FIRST, UNTIL, key) for days, hotel in hotels.items()}
            answer = await each.answer("pickup", group_by=group_by)
            assert {row[group_by] for row in answer.rows} >= keys_of(group_by, sold[0])
            for row in answer.rows:
                now = sold[0][row[group_by]]
                assert (row["rooms"], row["revenue"]) == (now.rooms, money(now.revenue))
                for days in (1, 7, 28):
                    gained = now.less(sold[days][row[group_by]])
                    shown = (row[f"rooms_{days}"], row[f"revenue_{days}"])
                    assert shown == (gained.rooms, money(gained.revenue)), (each.how, group_by, days)


async def test_pace_stands_beside_the_year_before_as_it_was_then(seen: list[Seen]) -> None:
    compared = 0
    for each in seen:
        hotel, then = each.hotel, told(each.until(year_before_instant(each.at)))
        for group_by in REPORTS["pace"].groupings:
            key = key_of(group_by)

            def shifted(night: date, kind: str, channel: str | None, key: Any = key) -> Any:
                return key(night + timedelta(days=364), kind, channel)

            now = sold_by(hotel, FIRST, UNTIL, key)
            past = [sold_by(known, year_before(FIRST), year_before(UNTIL), shifted) for known in (then, hotel)]
            answer = await each.answer("pace", group_by=group_by)
            for row in answer.rows:
                a, b, c = (sold.get(row[group_by], NOTHING) for sold in (now, *past))
                assert (row["rooms"], row["rooms_then"], row["rooms_final"]) == (a.rooms, b.rooms, c.rooms)
                assert row["rooms_ahead"] == a.rooms - b.rooms
                amounts = (row["revenue"], row["revenue_then"], row["revenue_ahead"], row["revenue_final"])
                assert amounts == tuple(map(money, (a.revenue, b.revenue, a.revenue - b.revenue, c.revenue)))
                compared += b.rooms
    assert compared > 0


def year_before_instant(at: datetime) -> datetime:
    return at - timedelta(days=364)


async def test_reports_agree_with_one_another_whatever_they_are_grouped_by(seen: list[Seen]) -> None:
    named_otherwise = {"pickup": "rooms", "pace": "rooms", "forecast": "rooms_on_books"}
    revenue_named = {"forecast": "revenue_on_books"}
    for each in seen:
        rooms: dict[int, list[str]] = defaultdict(list)
        revenue: dict[str, list[str]] = defaultdict(list)
        for name in ("occupancy", "revenue", "channels", "pickup", "pace", "forecast"):
            for group_by in REPORTS[name].groupings:
                answer = await each.answer(name, group_by=group_by)
                total = answer.total or {}
                for column in REPORTS[name].columns:
                    if column.adds_up:
                        values = [Decimal(str(row[column.name])) for row in answer.rows]
                        assert sum(values) == Decimal(str(total[column.name])), (name, group_by, column.name)
                rooms[int(total[named_otherwise.get(name, "rooms_sold")] or 0)].append(f"{name} by {group_by}")
                if name != "occupancy":
                    revenue[str(total[revenue_named.get(name, "revenue")])].append(f"{name} by {group_by}")
        assert len(rooms) == len(revenue) == 1, (rooms, revenue)
        assert max(rooms) > 0


# ---------------------------------------------------------------- by booking


def outcome(life: Life) -> str:
    if not life.was_booked:
        return "held" if life.now.state is LineState.HELD else "holds_ended"
    if life.ended is not None and life.ended.how == "walked":
        return "walked"
    return {"checked_out": "completed", "checked_in": "in_house", "confirmed": "to_come"}.get(
        life.now.state.value, life.now.state.value
    )


def booked_by(hotel: Told, booking_id: UUID, life: Life, group_by: str, booked_on: date) -> str | None:
    """Which row of the bookings report a line counts in."""
    if group_by in PERIODS:
        return named(booked_on, group_by)
    if group_by == "room_type":
        return life.agreed.room_type
    if group_by == "assigned_room_type":
        return life.assigned or life.agreed.room_type
    value: str | None = getattr(hotel.bookings[booking_id].statistics, group_by)
    return value


async def test_bookings_count_what_was_booked_and_what_became_of_it(seen: list[Seen]) -> None:
    for each in seen:
        hotel = each.hotel
        for group_by in REPORTS["bookings"].groupings:
            sums: dict[Any, Counter[str]] = defaultdict(Counter)
            adrs: dict[Any, Decimal] = defaultdict(Decimal)
            values: dict[Any, Decimal] = defaultdict(Decimal)
            counted: set[UUID] = set()
            for (booking_id, _), life in sorted(hotel.lives.items()):
                booked_on = hotel.local(hotel.booked_at[booking_id])
                if not FIRST <= booked_on < UNTIL:
                    continue
                name: Any = booked_by(hotel, booking_id, life, group_by, booked_on)
                sums[name][outcome(life)] += 1
                if life.was_booked:
                    prices = life.agreed.prices
                    sums[name]["bookings"] += booking_id not in counted
                    counted.add(booking_id)
                    sums[name]["rooms"] += 1
                    sums[name]["nights"] += len(prices)
                    sums[name]["lead"] += max((life.agreed.arrival - booked_on).days, 0)
                    values[name] += life.agreed.total
                    adrs[name] += life.agreed.total / len(prices) if prices else 0
            answer = await each.answer("bookings", group_by=group_by)
            assert {row[group_by] for row in answer.rows} == set(sums)
            for row in answer.rows:
                name = row[group_by]
                for column in ("bookings", "rooms", "completed", "cancelled", "no_show", "walked", "in_house"):
                    assert row[column] == sums[name][column], (group_by, name, column)
                for column in ("to_come", "held", "holds_ended", "nights"):
                    assert row[column] == sums[name][column], (group_by, name, column)
                assert row["mean_lead_days"] == mean(sums[name]["lead"], sums[name]["rooms"])
                assert row["mean_adr"] == paid(adrs[name], sums[name]["rooms"])
                assert row["value"] == money(values[name])
            total = answer.total or {}
            assert total["rooms"] == sum(life.was_booked for life in hotel.lives.values())
            assert total["bookings"] == len(counted)


async def test_counts_by_field_are_those_of_the_rooms_booked(seen: list[Seen]) -> None:
    for each in seen:
        hotel = each.hotel
        counts: dict[str, Counter[str | None]] = {name: Counter() for name in COUNTED}
        for (booking_id, _), life in hotel.lives.items():
            if life.was_booked:
                for name in COUNTED[:-2]:
                    counts[name][getattr(hotel.bookings[booking_id].statistics, name)] += 1
                counts["reserved_room_type"][life.agreed.room_type] += 1
                counts["assigned_room_type"][life.assigned or life.agreed.room_type] += 1
        answer = await each.answer("bookings")
        assert answer.counts is not None
        assert {name: {c.value: c.rooms for c in found} for name, found in answer.counts.items()} == counts


async def test_cancellations_are_the_lines_that_came_to_nothing(seen: list[Seen]) -> None:
    for each in seen:
        hotel = each.hotel
        for group_by in REPORTS["cancellations"].groupings:
            sums: dict[Any, Counter[str]] = defaultdict(Counter)
            values: dict[Any, Decimal] = defaultdict(Decimal)
            for (booking_id, _), life in hotel.lives.items():
                if life.ended is None:
                    continue
                on = hotel.local(life.ended.at)
                by = {
                    "room_type": life.now.room_type,
                    "channel": hotel.bookings[booking_id].statistics.channel,
                    "reason": life.ended.reason,
                }
                name: Any = named(on, group_by) if group_by in PERIODS else by[group_by]
                sums[name][life.ended.how] += 1
                if life.ended.how != "no_show":
                    sums[name]["nights"] += len(life.ended.before.prices)
                    values[name] += life.ended.before.total
                if life.ended.how == "cancelled":
                    sums[name]["notice"] += max((life.ended.before.arrival - on).days, 0)
            answer = await each.answer("cancellations", group_by=group_by)
            assert {row[group_by] for row in answer.rows} == keys_of(group_by, sums)
            for row in answer.rows:
                name = row[group_by]
                for column in ("cancelled", "walked", "no_show", "nights"):
                    assert row[column] == sums[name][column], (group_by, name, column)
                assert row["value"] == money(values[name])
                assert row["mean_notice_days"] == mean(sums[name]["notice"], sums[name]["cancelled"])


# ---------------------------------------------------------------- lists


async def test_lists_have_the_stays_of_the_range(seen: list[Seen]) -> None:
    listed: Counter[str] = Counter()
    for each in seen:
        hotel = each.hotel
        for begin in range(0, 400, 20):
            first, until = FIRST + timedelta(days=begin), FIRST + timedelta(days=begin + 20)
            wanted: dict[str, set[tuple[str, int]]] = {"arrivals": set(), "departures": set(), "in-house": set()}
            for (booking_id, number), life in hotel.lives.items():
                line, key = life.now, (str(booking_id), number)
                if line.state in ("held", "expired", "cancelled"):
                    continue
                if first <= line.arrival < until:
                    wanted["arrivals"].add(key)
                if first <= line.departure < until and line.state != "no_show":
                    wanted["departures"].add(key)
                there = days_of(line.arrival, line.departure) or (line.arrival,)
                if line.state in ("checked_in", "checked_out") and any(first <= day < until for day in there):
                    wanted["in-house"].add(key)
            for name, keys in wanted.items():
                answer = await each.answer(name, first=first, until=until)
                assert {(row["booking_id"], row["line"]) for row in answer.rows} == keys, (name, first)
                assert len(answer.rows) == len(keys)
                for row in answer.rows:
                    _is_the_line(row, hotel)
                listed[name] += len(keys)
    assert all(listed[name] > 10 for name in ("arrivals", "departures", "in-house")), listed


def _is_the_line(row: dict[str, Any], hotel: Told) -> None:
    booking = hotel.bookings[UUID(row["booking_id"])]
    line = booking.line(row["line"])
    assert (row["reference"], row["channel"]) == (booking.reference, booking.statistics.channel)
    assert (row["room_type"], row["room"], row["state"]) == (line.room_type, line.room, line.state.value)
    assert (row["arrival"], row["departure"]) == (f"{line.arrival}", f"{line.departure}")
    assert (row["nights"], row["total"]) == (len(line.prices), money(line.total))
    assert (row["adults"], row["children"]) == (line.adults, len(line.child_ages))


def test_the_naive_sums_are_told_apart() -> None:
    assert Sold(2, Decimal(5)).less(Sold(1, Decimal(2))) == Sold(1, Decimal(3))
