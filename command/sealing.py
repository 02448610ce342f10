"""Personal data on its way into the ledger: sealed at the edge, so that nothing further in ever sees a name."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from command.bodies import DescribeGuestsBody, GuestBody
from command.errors import BadField
from command.side import CommandSide
from domain.booking_commands import DescribeGuests
from domain.bookings import Booking, DescribedPerson
from domain.rejections import UnknownLine
from domain.values import Sealed
from eventstore.guest_keys import GuestKey, WrappedKey
from eventstore.reading import booking_guest_key, guest_keys

_ERASED = "the guest's data was erased, so nothing can be noted about them"


def details(person: GuestBody) -> dict[str, Any]:
    """What is known of someone, as it is sealed."""
    return {
        "full_name": person.full_name,
        "email": person.email,
        "phone": person.phone,
        "language": person.language,
    }


class Sealing:
    """Seals what one request says, each person and each reason under a key of its own. `keys` are to be kept."""

    def __init__(self, side: CommandSide, hotel_id: UUID) -> None:
        self._master_key = side.master_key
        self._hotel_id = hotel_id
        self.keys: list[WrappedKey] = []

    def person(self, person: GuestBody) -> Sealed:
        """Seal someone's details."""
        return self._new_key().seal(details(person))

    def words(self, text: str) -> Sealed:
        """Seal words that are about nobody whose key there is: they may name somebody all the same."""
        return self._new_key().seal({"text": text})

    def _new_key(self) -> GuestKey:
        key, wrapped = self._master_key.new_guest_key(self._hotel_id, uuid7())
        self.keys.append(wrapped)
        return key


async def words_about_guest(side: CommandSide, hotel_id: UUID, booking_id: UUID, pointer: str, text: str) -> Sealed:
    """Words under the key of the booking's guest, so that erasing the guest erases what was written about them.

    `pointer` says where the words stand in the request. Raises UnknownBooking, and BadField for an erased guest.
    """
    async with side.pool.acquire() as connection:
        key = await booking_guest_key(connection, side.master_key, hotel_id, booking_id)
    if key is None:
        raise BadField(pointer, _ERASED)
    return key.seal({"text": text})


async def described_guests(
    side: CommandSide, hotel_id: UUID, booking: Booking, body: DescribeGuestsBody
) -> tuple[DescribeGuests, tuple[WrappedKey, ...]]:
    """The command that describes people of a booking anew, and the keys of those who weren't known before.

    Who is known already stays the same guest, with the same key; who isn't different is left out. Raises UnknownLine,
    and BadField for an erased guest.
    """
    known: list[Sealed | None] = [booking.guest, booking.booker]
    for index, described in enumerate(body.lines or ()):
        if described.line > len(booking.lines):
            raise UnknownLine(line=described.line, pointer=f"/lines/{index}/line")
        known.append(booking.line(described.line).guest)
    async with side.pool.acquire() as connection:
        ids = {sealed.guest_id for sealed in known if sealed is not None}
        keys = await guest_keys(connection, side.master_key, hotel_id, ids)
    sealing = Sealing(side, hotel_id)

    def anew(pointer: str, person: GuestBody | None, before: Sealed | None) -> DescribedPerson | None:
        if person is None:
            return None
        if before is None:
            return DescribedPerson(details=sealing.person(person), changed=_different({}, details(person)))
        key = keys.get(before.guest_id)
        if key is None:
            raise BadField(pointer, _ERASED)
        changed = _different(key.open(before), details(person))
        return DescribedPerson(details=key.seal(details(person)), changed=changed) if changed else None

    lines = [
        (described.line, anew(f"/lines/{index}/guest", described.guest, before))
        for index, (described, before) in enumerate(zip(body.lines or (), known[2:], strict=True))
    ]
    command = DescribeGuests(
        guest=anew("/guest", body.guest, booking.guest),
        booker=anew("/booker", body.booker, booking.booker),
        lines=tuple((line, person) for line, person in lines if person is not None),
    )
    return command, tuple(sealing.keys)


def _different(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in after.items() if before.get(name) != value)
