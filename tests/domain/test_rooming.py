"""Physical rooms: by hand, by rule, moved, swapped, given back."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain import booking_decisions, hotels
from domain.booking_commands import AssignRoom, AssignRooms, ReleaseRooms, SwapRooms
from domain.bookings import (
    Booking,
    GuestsCheckedIn,
    GuestsCheckedOut,
    LinesCancelled,
    LineState,
    NoShowRecorded,
    RoomRelease,
    RoomsReleased,
    evolve,
)
from domain.hotels import RoomFeaturesSet
from domain.premises import Premises
from domain.rejections import (
    NoNightsLeft,
    NoRoomFits,
    NothingToSwap,
    Rejected,
    RoomOutOfOrder,
    RoomTaken,
    SoldOut,
    TakenBy,
    UnknownLine,
    UnknownRoom,
    UnknownRoomType,
    WrongLineState,
)
from domain.rooming import Named, swap_rooms_between
from domain.rooms import Candidate, Occupied, Period, Wanted, best_rooms
from tests.domain.house import (
    ANOTHER,
    AURORA,
    DOUBLE,
    NOW,
    OPENED,
    SUITE,
    assigned,
    booked_line,
    day,
    given,
    held,
    hotel_of,
    made,
    out_of_order,
    room_type_added,
    someone,
    stock_of,
)

MINE = UUID(int=1)
TOMORROW = NOW + timedelta(days=1)
ARRIVED = GuestsCheckedIn(lines=(1,))


class TestByHand:
    def test_a_line_gets_the_room_for_its_whole_stay(self) -> None:
        given(made()).when(AssignRoom(line=1, room="101")).then(assigned((1, "101", 0, 2)))

    def test_the_room_that_it_has_already_changes_nothing(self) -> None:
        given(made(), assigned((1, "101", 0, 2))).when(AssignRoom(line=1, room="101")).then()

    def test_a_stay_can_be_split_between_rooms(self) -> None:
        second = AssignRoom(line=1, room="102", first=day(1))
        given(made(), assigned((1, "101", 0, 2))).when(second).then(assigned((1, "102", 1, 2)))
        booking = given(made(), assigned((1, "101", 0, 2)), assigned((1, "102", 1, 2))).booking
        assert [(stay.room, stay.first, stay.until) for stay in booking.lines[0].rooms] == [
            ("101", day(0), day(1)),
            ("102", day(1), day(2)),
        ]
        middle = given(made(booked_line(departure=4)), assigned((1, "101", 0, 4)), assigned((1, "102", 1, 2))).booking
        assert [stay.room for stay in middle.lines[0].rooms] == ["101", "102", "101"]
        healed = evolve(middle, assigned((1, "101", 1, 2)))
        assert [(stay.room, stay.first, stay.until) for stay in healed.lines[0].rooms] == [("101", day(0), day(4))]

    def test_a_room_that_somebody_has_is_refused_with_the_stays(self) -> None:
        taken = given(made()).when(AssignRoom(line=1, room="101"), occupied={"101": [someone(1, 5), someone(5, 6)]})
        taken.refused(RoomTaken, stays=(TakenBy(booking_id=ANOTHER, line=1, first=day(1), until=day(5)),))

    def test_who_leaves_on_the_day_of_arrival_is_not_in_the_way(self) -> None:
        around = {"101": [someone(-2, 0), someone(2, 3)]}
        given(made()).when(AssignRoom(line=1, room="101"), occupied=around).then(assigned((1, "101", 0, 2)))

    def test_another_line_of_the_booking_is_in_the_way_too(self) -> None:
        two = given(made(booked_line(1), booked_line(2)), assigned((1, "101", 0, 2)))
        two.when(AssignRoom(line=2, room="101")).refused(
            RoomTaken, stays=(TakenBy(booking_id=None, line=1, first=day(0), until=day(2)),)
        )

    def test_a_room_out_of_order_is_refused(self) -> None:
        broken = hotel_of(OPENED, DOUBLE, SUITE, out_of_order("101", 1, 3))
        given(made()).when(AssignRoom(line=1, room="101"), hotel=broken).refused(RoomOutOfOrder, first=day(1))
        given(made(booked_line(departure=1))).when(AssignRoom(line=1, room="101"), hotel=broken).then(
            assigned((1, "101", 0, 1))
        )

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            (AssignRoom(line=1, room="999"), UnknownRoom),
            (AssignRoom(line=2, room="101"), UnknownLine),
            (AssignRoom(line=1, room="101", first=day(-1)), NoNightsLeft),
            (AssignRoom(line=1, room="101", until=day(3)), NoNightsLeft),
            (AssignRoom(line=1, room="101", first=day(0), until=day(0)), NoNightsLeft),
            (AssignRoom(line=1, room="101", first=day(1), until=day(1)), NoNightsLeft),
            (AssignRoom(line=1, room="101", first=day(2), until=day(1)), NoNightsLeft),
        ],
    )
    def test_what_cannot_be_is_refused(self, command: AssignRoom, reason: type[Rejected]) -> None:
        given(made()).when(command).refused(reason)

    def test_a_hold_has_no_room_yet(self) -> None:
        given(held()).when(AssignRoom(line=1, room="101")).refused(WrongLineState)

    def test_day_use_has_a_room_and_no_night(self) -> None:
        day_use = made(booked_line(departure=0))
        given(day_use).when(AssignRoom(line=1, room="101")).then(assigned((1, "101", 0, 0)))
        line = given(day_use, assigned((1, "101", 0, 0))).booking.lines[0]
        assert (line.room, line.claimed_nights()[1]) == ("101", ())
        left = evolve(given(day_use, assigned((1, "101", 0, 0)), ARRIVED).booking,
                      GuestsCheckedOut(lines=(1,), departed_on=day(0)))  # fmt: skip
        assert left.lines[0].room == "101"


class TestMoving:
    def test_a_guest_in_house_moves_from_tonight_on(self) -> None:
        in_house = given(made(booked_line(departure=3)), assigned((1, "101", 0, 3)), ARRIVED)
        in_house.when(AssignRoom(line=1, room="102"), now=TOMORROW).then(assigned((1, "102", 1, 3)))

    def test_nobody_moves_for_nights_that_are_over(self) -> None:
        in_house = given(made(booked_line(departure=3)), assigned((1, "101", 0, 3)), ARRIVED)
        command = AssignRoom(line=1, room="102", first=day(0))
        in_house.when(command, now=TOMORROW).refused(NoNightsLeft, first=day(1), until=day(3))
        in_house.when(AssignRoom(line=1, room="102"), now=NOW + timedelta(days=3)).refused(NoNightsLeft)


class TestAnUpgrade:
    def test_takes_from_the_stock_of_the_rooms_type_and_gives_back_what_was_booked(self) -> None:
        booked = given(made()).booking
        upgraded = given(made(), assigned((1, "201", 0, 2))).booking
        assert {key[0] for key in booked.claims()} == {"DBL"}
        assert {key[0] for key in upgraded.claims()} == {"STE"}
        line = upgraded.lines[0]
        assert (line.room_type, line.total) == ("DBL", booked.lines[0].total)

    def test_needs_a_free_room_of_that_type(self) -> None:
        refusal = given(made()).when(AssignRoom(line=1, room="201"), STE=0).refused(SoldOut)
        assert [(night.room_type, night.date) for night in refusal.nights] == [("STE", day(0)), ("STE", day(1))]

    def test_may_use_the_allowance_and_says_so(self) -> None:
        over = {("STE", day(1)): {"sold": 1, "allowance": 1}}
        given(made()).when(AssignRoom(line=1, room="201"), nights=over).then(assigned((1, "201", 0, 2), used=1))

    def test_given_back_takes_from_the_stock_that_was_booked_again(self) -> None:
        upgraded = given(made(), assigned((1, "201", 0, 2)))
        released = RoomsReleased(releases=(RoomRelease(line=1, first=day(0)),), allowance_used=())
        upgraded.when(ReleaseRooms()).then(released)
        upgraded.when(ReleaseRooms(), DBL=0).refused(SoldOut)
        booking = given(made(), assigned((1, "201", 0, 2)), released).booking
        assert booking == given(made()).booking


class TestByRule:
    def test_every_line_without_a_room_gets_one(self) -> None:
        group = given(made(booked_line(1), booked_line(2)))
        group.when(AssignRooms()).then(assigned((1, "101", 0, 2), (2, "102", 0, 2), automatic=True))

    def test_who_has_one_keeps_it(self) -> None:
        group = given(made(booked_line(1), booked_line(2)), assigned((1, "102", 0, 2)))
        group.when(AssignRooms()).then(assigned((2, "101", 0, 2), automatic=True))
        given(made(), assigned((1, "102", 0, 2))).when(AssignRooms()).then()

    def test_a_room_between_neighbours_goes_before_one_that_leaves_short_gaps(self) -> None:
        snug = {"101": [someone(-3, -1)], "102": [someone(-3, 0)]}
        given(made()).when(AssignRooms(), occupied=snug).then(assigned((1, "102", 0, 2), automatic=True))

    def test_all_or_nothing(self) -> None:
        three = given(made(booked_line(1), booked_line(2), booked_line(3)))
        three.when(AssignRooms()).refused(NoRoomFits, room_type="DBL", lines=(1, 2, 3))

    def test_of_another_type_if_asked(self) -> None:
        given(made()).when(AssignRooms(room_type="STE")).then(assigned((1, "201", 0, 2), automatic=True))
        given(made()).when(AssignRooms(room_type="XXL")).refused(UnknownRoomType)
        roomed = given(made(), assigned((1, "101", 0, 2)))
        roomed.when(AssignRooms(room_type="STE")).then(assigned((1, "201", 0, 2), automatic=True))

    def test_with_the_features_asked_for(self) -> None:
        view = hotel_of(OPENED, DOUBLE, SUITE, RoomFeaturesSet(room="102", features=("sea_view",)))
        given(made()).when(AssignRooms(), hotel=view).then(assigned((1, "101", 0, 2), automatic=True))
        sea = AssignRooms(features=frozenset({"sea_view"}))
        given(made()).when(sea, hotel=view).then(assigned((1, "102", 0, 2), automatic=True))
        given(made()).when(sea).refused(NoRoomFits, features=("sea_view",))

    def test_nobody_in_house_is_moved(self) -> None:
        in_house = given(made(booked_line(1), booked_line(2)), assigned((1, "101", 0, 2)), ARRIVED)
        in_house.when(AssignRooms()).then(assigned((2, "102", 0, 2), automatic=True))
        in_house.when(AssignRooms(lines=(1,))).refused(WrongLineState, lines=((1, "checked_in"),))


class TestSwapping:
    def test_two_lines_have_each_others_rooms(self) -> None:
        two = given(made(booked_line(1), booked_line(2)), assigned((1, "101", 0, 2), (2, "102", 0, 2)))
        two.when(SwapRooms(line=1, other_line=2)).then(assigned((1, "102", 0, 2), (2, "101", 0, 2)))

    def test_of_two_types_without_a_free_room(self) -> None:
        two = given(made(booked_line(1), booked_line(2, "STE")), assigned((1, "101", 0, 2), (2, "201", 0, 2)))
        two.when(SwapRooms(line=1, other_line=2), DBL=0, STE=0).then(assigned((1, "201", 0, 2), (2, "101", 0, 2)))

    def test_with_itself_changes_nothing(self) -> None:
        given(made(), assigned((1, "101", 0, 2))).when(SwapRooms(line=1, other_line=1)).then()

    def test_without_a_room_there_is_nothing_to_swap(self) -> None:
        two = given(made(booked_line(1), booked_line(2)), assigned((1, "101", 0, 2)))
        two.when(SwapRooms(line=1, other_line=2)).refused(NothingToSwap, line=2)

    def test_a_room_that_a_line_has_left_is_not_its_to_give(self) -> None:
        left = given(
            made(booked_line(1), booked_line(2)),
            assigned((1, "101", 0, 1), (2, "102", 0, 1)),
            assigned((2, "101", 1, 2)),
        )
        tomorrow = NOW + timedelta(days=1)
        left.when(SwapRooms(line=1, other_line=2), now=tomorrow).refused(NothingToSwap, line=1)

    def test_who_follow_one_another_in_a_room_swap_nothing(self) -> None:
        both = given(made(booked_line(1), booked_line(2)), assigned((1, "101", 0, 1), (2, "101", 1, 2)))
        both.when(SwapRooms(line=1, other_line=2)).then()

    def test_a_longer_stay_does_not_run_into_the_next_guest(self) -> None:
        two = given(made(booked_line(1), booked_line(2, departure=4)), assigned((1, "101", 0, 2), (2, "102", 0, 4)))
        two.when(SwapRooms(line=1, other_line=2), occupied={"101": [someone(3, 5)]}).refused(RoomTaken, room="101")

    def test_between_two_bookings_both_change_and_name_each_other(self) -> None:
        mine = given(made(), assigned((1, "101", 0, 2))).booking
        theirs = given(made(), assigned((1, "201", 0, 2))).booking
        command = SwapRooms(line=1, other_line=1, other_booking=ANOTHER)
        premises = Premises(hotel=AURORA, stock=stock_of(AURORA, DBL=0, STE=0))
        one, another = Named(MINE, mine), Named(ANOTHER, theirs)
        assert swap_rooms_between(command, one, another, premises, NOW) == (
            replace(assigned((1, "201", 0, 2)), swapped_with=ANOTHER),
            replace(assigned((1, "101", 0, 2)), swapped_with=MINE),
        )


class TestWhatEndsAStay:
    @pytest.mark.parametrize("end", [LinesCancelled(lines=(1,), reason=None, note=None), NoShowRecorded(lines=(1,))])
    def test_frees_the_room(self, end: LinesCancelled | NoShowRecorded) -> None:
        assert given(made(), assigned((1, "101", 0, 2)), end).booking.lines[0].rooms == ()

    def test_early_frees_the_rest(self) -> None:
        left = GuestsCheckedOut(lines=(1,), departed_on=day(1))
        booking = given(made(booked_line(departure=3)), assigned((1, "201", 0, 3)), ARRIVED, left).booking
        line = booking.lines[0]
        assert [(stay.room, stay.until) for stay in line.rooms] == [("201", day(1))]
        assert line.stock == ("STE",)


# ---------------------------------------------------------------- the rule, as a property

FEATURES = ("accessible", "quiet", "sea_view")
periods = st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda p: Period(day(p[0]), day(p[0] + p[1])))
rooms = st.lists(
    st.tuples(st.frozensets(st.sampled_from(FEATURES)), st.lists(periods, max_size=4)), min_size=1, max_size=6
)
stays = st.lists(st.tuples(periods, st.frozensets(st.sampled_from(FEATURES), max_size=1)), min_size=1, max_size=5)


def _possible(wanted: list[Wanted], choices: dict[int, set[str]], given_: frozenset[str] = frozenset()) -> bool:
    """By trying everything: whether each stay can have a room of its own."""
    if not wanted:
        return True
    first, *rest = wanted
    return any(_possible(rest, choices, given_ | {room}) for room in choices[first.line] - given_)


@forall(rooms=rooms, stays=stays)
def test_the_rule_never_conflicts_and_finds_rooms_whenever_there_are_any(
    rooms: list[tuple[frozenset[str], list[Period]]], stays: list[tuple[Period, frozenset[str]]]
) -> None:
    candidates = [
        Candidate(room=str(100 + n), features=features, taken=tuple(taken)) for n, (features, taken) in enumerate(rooms)
    ]
    wanted = [Wanted(line=n, first=p.first, until=p.until, features=f) for n, (p, f) in enumerate(stays, 1)]
    by_room = {candidate.room: candidate for candidate in candidates}
    choices = {
        stay.line: {
            c.room
            for c in candidates
            if stay.features <= c.features and not any(_shares_a_night(stay, p) for p in c.taken)
        }
        for stay in wanted
    }
    found = best_rooms(wanted, candidates)
    assert (found is not None) == _possible(wanted, choices)
    if found is None:
        return
    assert found.keys() == {stay.line for stay in wanted}
    assert len(set(found.values())) == len(wanted)
    for stay in wanted:
        room = by_room[found[stay.line]]
        assert stay.features <= room.features
        assert not any(_shares_a_night(stay, taken) for taken in room.taken)


def _shares_a_night(stay: Wanted, taken: Period | Occupied) -> bool:
    return Period(taken.first, taken.until).overlaps(stay.first, stay.until)


def short_gaps(stay: Period, taken: list[Period]) -> int:
    """Counted night by night: how many of the gaps beside a stay have one or two nights."""
    busy = {period.first + timedelta(n) for period in taken for n in range((period.until - period.first).days)}
    gaps = 0
    for start, step in ((stay.first - timedelta(1), -1), (stay.until, 1)):
        length = 0
        while start + timedelta(step * length) not in busy and length < 5:
            length += 1
        gaps += length in (1, 2)
    return gaps


@forall(rooms=st.lists(st.lists(periods, max_size=4), min_size=1, max_size=6), stay=periods)
def test_the_rule_leaves_the_fewest_short_gaps(rooms: list[list[Period]], stay: Period) -> None:
    candidates = [Candidate(room=str(n), features=frozenset(), taken=tuple(taken)) for n, taken in enumerate(rooms)]
    found = best_rooms([Wanted(line=1, first=stay.first, until=stay.until, features=frozenset())], candidates)
    free = [n for n, taken in enumerate(rooms) if not any(p.overlaps(stay.first, stay.until) for p in taken)]
    if found is None:
        assert not free
    else:
        assert short_gaps(stay, rooms[int(found[1])]) == min(short_gaps(stay, rooms[n]) for n in free)


commands = st.one_of(
    st.builds(AssignRooms, lines=st.none() | st.just((1,)) | st.just((2,)), room_type=st.sampled_from([None, "STE"])),
    st.builds(AssignRoom, line=st.integers(1, 3), room=st.sampled_from(["101", "102", "103", "201", "202"])),
    st.builds(ReleaseRooms),
    st.builds(SwapRooms, line=st.integers(1, 3), other_line=st.integers(1, 3)),
)
LARGE = hotel_of(OPENED, room_type_added("DBL", "101", "102", "103"), room_type_added("STE", "201", "202"))


@forall(
    life=st.lists(st.tuples(commands, st.integers(0, 20)), max_size=8),
    arriving=st.integers(0, 3),
    others=st.dictionaries(st.sampled_from(["101", "201"]), st.lists(periods, max_size=2)),
)
def test_whatever_is_asked_no_room_has_two_stays_and_the_rule_moves_nobody_in_house(
    life: list[tuple[AssignRooms | AssignRoom | ReleaseRooms | SwapRooms, int]],
    arriving: int,
    others: dict[str, list[Period]],
) -> None:
    booking = given(made(booked_line(1, departure=3), booked_line(2, departure=4), booked_line(3, "STE"))).booking
    occupied = {room: [Occupied(p.first, p.until, ANOTHER, 1) for p in taken] for room, taken in others.items()}
    premises = Premises(hotel=LARGE, stock=stock_of(LARGE), occupied=occupied)
    now = NOW
    for step, (command, hours) in enumerate(life):
        now += timedelta(hours=hours)
        in_house = [line for line in booking.lines if line.state is LineState.CHECKED_IN]
        try:
            events = booking_decisions.decide(command, booking, premises, now)
        except Rejected:
            continue
        for event in events:
            booking = evolve(booking, event)
        if isinstance(command, AssignRooms):
            assert all(booking.line(line.line) == line for line in in_house)
        _assert_no_conflict(booking, occupied)
        if step == arriving and any(line.rooms for line in booking.lines if line.state is LineState.CONFIRMED):
            roomed = tuple(line.line for line in booking.lines if line.rooms and line.state is LineState.CONFIRMED)
            booking = evolve(booking, GuestsCheckedIn(lines=roomed))


def _assert_no_conflict(booking: Booking, occupied: dict[str, list[Occupied]]) -> None:
    nights: set[tuple[str, date]] = set()
    for line in booking.lines:
        for stay in line.rooms:
            for number in range((stay.until - stay.first).days):
                night = (stay.room, stay.first + timedelta(days=number))
                assert night not in nights
                nights.add(night)
    for room, stays in occupied.items():
        for other in stays:
            for number in range((other.until - other.first).days):
                assert (room, other.first + timedelta(days=number)) not in nights


def test_a_hotel_knows_the_type_of_each_room() -> None:
    added = hotels.RoomsAdded(
        room_type="DBL", rooms=("103",), in_service_from=day(0), bookable_until=OPENED.bookable_until
    )
    assert hotels.evolve(AURORA, added).type_of_room == {"101": "DBL", "102": "DBL", "103": "DBL", "201": "STE"}
