"""Forgetting guests, decision by decision."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.booking_commands import CancelLines, DescribeGuests, EraseGuests
from domain.bookings import DescribedPerson, GuestsErased, LinesCancelled
from domain.rejections import GuestErased, GuestsExpected
from domain.values import Sealed
from tests.domain.house import booked_line, given, held, made

BOOKER, CHILD = (Sealed(guest_id=UUID(int=number), ciphertext="") for number in (8, 9))
CANCELLED = LinesCancelled(lines=(1,), reason=None, note=None)


def test_everybody_in_the_booking_is_forgotten_once() -> None:
    booking = replace(made(replace(booked_line(), guest=CHILD)), booker=BOOKER)
    erased = GuestsErased(guests=(booking.guest.guest_id, BOOKER.guest_id, CHILD.guest_id))
    given(booking, CANCELLED).when(EraseGuests()).then(erased)
    given(booking, CANCELLED, erased).when(EraseGuests()).then()


@pytest.mark.parametrize("booking", [made(), held()])
def test_who_has_a_stay_before_them_is_not_forgotten(booking: object) -> None:
    given(booking).when(EraseGuests()).refused(GuestsExpected)  # type: ignore[arg-type]


def test_one_open_line_is_enough() -> None:
    both = made(booked_line(1), booked_line(2))
    given(both, CANCELLED).when(EraseGuests()).refused(GuestsExpected)
    given(both).when(CancelLines()).then(LinesCancelled(lines=(1, 2), reason=None, note=None))


def test_what_was_sealed_before_the_erasure_is_not_noted_after_it() -> None:
    booking = made()
    erased = GuestsErased(guests=(booking.guest.guest_id,))
    person = DescribedPerson(details=booking.guest, changed=("email",))
    given(booking, CANCELLED, erased).when(DescribeGuests(guest=person)).refused(GuestErased)
