"""One request for each command of a booking's and a hotel's life, all on nights of their own, so that each succeeds."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.commands.conftest import Hotel

WORDS = ("Beatriz Secret", "beatriz@secret.example", "+351 555 0199", "Carl Hidden", "leaking pipe", "Hotel Elsewhere")
"""Words that the requests carry and nobody may find in the ledger."""
BEATRIZ = {"full_name": "Beatriz Secret", "email": "beatriz@secret.example", "phone": "+351 555 0199"}
CARL = {"full_name": "Carl Hidden", "email": "carl@hidden.example"}


@dataclass(frozen=True, slots=True)
class Request:
    """A command as it is sent. `other` is a body that it could have had as well."""

    name: str
    method: str
    path: str
    body: dict[str, Any]
    other: dict[str, Any]

    async def send(self, client: httpx.AsyncClient, **headers: str) -> httpx.Response:
        """Send it."""
        return await client.request(
            self.method, self.path, json=self.body, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    async def send_other(self, client: httpx.AsyncClient, **headers: str) -> httpx.Response:
        """Send it with the other body."""
        return await client.request(
            self.method, self.path, json=self.other, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )


async def requests(hotel: Hotel) -> list[Request]:
    """All of them, with what each needs made before."""

    async def of_booking(
        name: str, first: int, body: dict[str, Any], other: dict[str, Any], *types: str, **assigned: Any
    ) -> Request:
        booking = await hotel.book(first, first + 2, *types)
        assert booking.status_code == 201, booking.text
        if assigned:
            done = await hotel.then(booking, "assign-room")
            assert done.status_code == 200, done.text
        return Request(name, "POST", f"{hotel.path}/bookings/{booking.json()['booking_id']}/{name}", body, other)

    def of_type(name: str, body: dict[str, Any]) -> Request:
        return Request(
            name,
            "PUT",
            f"{hotel.path}/room-types/DBL/{name}",
            hotel.span(120, 122, **body),
            hotel.span(121, 122, **body),
        )

    taken = await hotel.room("102", "out-of-order", **hotel.span(140, 142, reason="paint"))
    assert taken.status_code == 200, taken.text
    rooms = f"{hotel.path}/rooms"
    day = hotel.day
    return [
        await of_booking(
            "change",
            10,
            {
                "departure": day(13).isoformat(),
                "rooms": [{"line": 1}, {"room_type": "STE", "adults": 1, "guest": BEATRIZ}],
            },
            {"departure": day(14).isoformat()},
        ),
        await of_booking(
            "guest",
            20,
            {"guest": BEATRIZ, "booker": CARL, "lines": [{"line": 1, "guest": CARL}]},
            {"guest": CARL},
        ),
        await of_booking("assign-room", 30, {"line": 1, "room": "101"}, {"line": 1, "room": "102"}),
        await of_booking("assign-room", 40, {}, {"lines": [1]}),
        await of_booking("release-room", 50, {}, {"lines": [1]}, roomed=True),
        await of_booking(
            "swap-rooms", 60, {"line": 1, "other_line": 2}, {"line": 2, "other_line": 1}, "DBL", "DBL", roomed=True
        ),
        await of_booking("walk", 70, {"cost": "80.00", "sent_to": "Hotel Elsewhere"}, {"cost": "81.00"}),
        of_type("prices", {"price": "99.00"}),
        of_type("restrictions", {"minimum_stay": 2, "weekdays": [5, 6]}),
        of_type("allowance", {"allowance": 1, "reason": "leaking pipe, says Carl Hidden"}),
        Request(
            "out-of-order",
            "POST",
            f"{rooms}/102/out-of-order",
            hotel.span(130, 132, reason="leaking pipe"),
            hotel.span(133, 134, reason="leaking pipe"),
        ),
        Request(
            "out-of-order, raising the allowance",
            "POST",
            f"{rooms}/201/out-of-order",
            hotel.span(150, 152, reason="leaking pipe", raise_allowance=True),
            hotel.span(153, 154, reason="leaking pipe", raise_allowance=True),
        ),
        Request(
            "in-service",
            "POST",
            f"{rooms}/102/in-service",
            {"from": day(141).isoformat()},
            {"from": day(140).isoformat()},
        ),
        Request("features", "PUT", f"{rooms}/101/features", {"features": ["sea_view"]}, {"features": []}),
    ]


def whose(name: str) -> tuple[str, ...]:
    """Who may send the request of this name."""
    if name in ("allowance", "features", "out-of-order, raising the allowance"):
        return ("manager", "administrator")
    if name in ("prices", "restrictions"):
        return ("revenue_manager", "manager", "administrator")
    return ("front_desk", "manager", "administrator")
