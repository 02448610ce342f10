"""A well-formed request for each endpoint of the OpenAPI document; one without an entry here fails the tests."""

from dataclasses import dataclass, field
from typing import Any

from tests.clients import PASSWORD, stay
from tests.permissions.conftest import GUEST, MEMBER, Place, World

_NIGHTS = {"from": "2027-03-01", "to": "2027-03-02"}
_NOBODY = "nobody@example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a request sends. `ends` is true of those after which the sender's session is over."""

    body: dict[str, Any] | None = None
    query: dict[str, str] = field(default_factory=dict)
    ends: bool = False


_GIVEN: dict[str, Given] = {
    "GET /.well-known/jwks.json": Given(),
    "GET /health/live": Given(),
    "GET /health/ready": Given(),
    "POST /v1/auth/register": Given(body={"email": "new@example.org", "password": PASSWORD, "full_name": "New"}),
    "POST /v1/auth/resend-verification": Given(body={"email": _NOBODY}),
    "POST /v1/auth/verify-email": Given(body={"token": "x" * 43}),
    "POST /v1/auth/login": Given(body={"email": GUEST, "password": PASSWORD}),
    "POST /v1/auth/refresh": Given(),
    "POST /v1/auth/logout": Given(ends=True),
    "POST /v1/auth/logout-everywhere": Given(ends=True),
    "GET /v1/auth/me": Given(),
    "GET /v1/auth/sessions": Given(),
    "DELETE /v1/auth/sessions/{session_id}": Given(),
    "POST /v1/auth/change-password": Given(
        body={"current_password": "not the present one", "new_password": "quite another phrase"}
    ),
    "POST /v1/auth/forgot-password": Given(body={"email": _NOBODY}),
    "POST /v1/auth/reset-password": Given(body={"token": "x" * 43, "password": PASSWORD}),
    "GET /v1/access-log": Given(),
    "GET /v1/api-keys": Given(),
    "POST /v1/api-keys": Given(body={"name": "k", "scopes": ["read"], "hotel_ids": [], "role": "auditor"}),
    "DELETE /v1/api-keys/{key_id}": Given(),
    "GET /v1/availability": Given(query={"arrival": "2027-03-01", "departure": "2027-03-02", "adults": "2"}),
    "POST /v1/bookings/lookup": Given(body={"reference": "ABCD-2345ABCD", "email": _NOBODY}),
    "GET /v1/me/bookings": Given(),
    "GET /v1/me/bookings/{booking_id}": Given(),
    "POST /v1/me/bookings/claim": Given(body={"reference": "ABCD-2345ABCD"}),
    "GET /v1/hotels": Given(),
    "POST /v1/hotels": Given(
        body={"name": "New", "city": "Lisbon", "country": "PT", "timezone": "UTC", "currency": "EUR"}
    ),
    "GET /v1/hotels/{hotel_id}": Given(),
    "PATCH /v1/hotels/{hotel_id}": Given(body={"city": "Porto"}),
    "GET /v1/hotels/{hotel_id}/access-log": Given(),
    "GET /v1/hotels/{hotel_id}/calendar": Given(),
    "GET /v1/hotels/{hotel_id}/room-rack": Given(),
    "GET /v1/hotels/{hotel_id}/guests": Given(),
    "GET /v1/hotels/{hotel_id}/guests/{guest_id}": Given(),
    "GET /v1/hotels/{hotel_id}/ledger": Given(),
    "GET /v1/hotels/{hotel_id}/reports/{name}": Given(),
    "GET /v1/hotels/{hotel_id}/position": Given(),
    "GET /v1/hotels/{hotel_id}/members": Given(),
    "PUT /v1/hotels/{hotel_id}/members/{email}": Given(body={"role": "auditor"}),
    "DELETE /v1/hotels/{hotel_id}/members/{email}": Given(),
    "GET /v1/hotels/{hotel_id}/room-types": Given(),
    "POST /v1/hotels/{hotel_id}/room-types": Given(
        body={"code": "NEW", "name": "New", "max_adults": 2, "max_children": 0, "base_price": "90.00", "rooms": ["900"]}
    ),
    "POST /v1/hotels/{hotel_id}/room-types/{code}/rooms": Given(body={"rooms": ["901"]}),
    "PUT /v1/hotels/{hotel_id}/room-types/{code}/prices": Given(body=_NIGHTS | {"price": "99.00"}),
    "PUT /v1/hotels/{hotel_id}/room-types/{code}/restrictions": Given(body=_NIGHTS | {"minimum_stay": 2}),
    "PUT /v1/hotels/{hotel_id}/room-types/{code}/allowance": Given(body=_NIGHTS | {"allowance": 1, "reason": "why"}),
    "POST /v1/hotels/{hotel_id}/rooms/{room}/out-of-order": Given(body=_NIGHTS | {"reason": "a leak"}),
    "POST /v1/hotels/{hotel_id}/rooms/{room}/in-service": Given(body={}),
    "PUT /v1/hotels/{hotel_id}/rooms/{room}/features": Given(body={"features": ["balcony"]}),
    "GET /v1/hotels/{hotel_id}/bookings": Given(),
    "POST /v1/hotels/{hotel_id}/bookings": Given(body=stay()),
    "GET /v1/hotels/{hotel_id}/bookings/{booking_id}": Given(),
    "GET /v1/hotels/{hotel_id}/bookings/{booking_id}/history": Given(),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/confirm": Given(body={}),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/change": Given(body={"rooms": [{"line": 1}]}),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/guest": Given(
        body={"guest": {"full_name": "Wilhelmina Quist", "email": "quist@example.org"}}
    ),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/cancel": Given(body={"lines": [9]}),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/check-in": Given(body={}),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/check-out": Given(body={}),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/no-show": Given(body={}),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/walk": Given(body={"lines": [9], "cost": "80.00"}),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/assign-room": Given(body={}),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/release-room": Given(body={}),
    "POST /v1/hotels/{hotel_id}/bookings/{booking_id}/swap-rooms": Given(body={"line": 1, "other_line": 2}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for one hotel: where to send it and what."""

    name: str
    method: str
    path: str
    template: str
    action: str | None
    given: Given
    body: dict[str, Any] | None

    @property
    def about_a_hotel(self) -> bool:
        """Whether it is about one hotel: by its path, or the hotels that a key is for."""
        return "{hotel_id}" in self.template or self.name == "POST /v1/api-keys"


def names() -> set[str]:
    """The endpoints that have an entry."""
    return set(_GIVEN)


def asked(world: World, name: str, action: str | None, place: Place, *, within: Place | None = None) -> Asked:
    """The request of an endpoint, of what is at a place; `within` another hotel, if one is given."""
    given = _GIVEN[name]
    method, _, template = name.partition(" ")
    path = template
    for part, value in {
        "hotel_id": (within or place).hotel_id,
        "booking_id": place.booking_id,
        "guest_id": place.guest_id,
        "key_id": place.key_id,
        "session_id": world.session_id,
        "email": MEMBER,
        "code": "DBL",
        "room": "101",
        "name": "arrivals",
    }.items():
        path = path.replace(f"{{{part}}}", str(value))
    body = given.body
    if name == "POST /v1/api-keys":
        body = (body or {}) | {"hotel_ids": [str(place.hotel_id)]}
    return Asked(name=name, method=method, path=path, template=template, action=action, given=given, body=body)
