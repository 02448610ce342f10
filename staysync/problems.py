"""Knows what clients are told about errors: one table from exceptions to RFC 9457 problems."""

import logging
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from command import errors as command_errors
from domain import rejections
from domain.rejections import Rejected
from domain.values import rounded
from eventstore.appender import CommandTooSlow, HotelBusy, LedgerUnavailable, OutcomeUnknown, ReferenceTaken
from eventstore.errors import WrongMasterKey
from identity import errors as identity_errors
from identity import limits
from projections.mail import errors as mail_errors
from query import errors as query_errors
from staysync.operations import errors as operations_errors

logger = logging.getLogger("staysync.http")

MEDIA_TYPE = "application/problem+json"

_MOST_ERRORS = 50
_LONGEST_TEXT = 400
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of problem: its stable code, its status, and what it means in words."""

    code: str
    status: int
    title: str
    explanation: str

    @property
    def type(self) -> str:
        """The path at which this kind of problem is explained."""
        return f"/problems/{self.code}"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field. `pointer` is a JSON pointer into the body, or names a parameter or header."""

    place: str
    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client is told about one error."""

    problem: Problem
    detail: str
    status: int | None = None
    errors: Sequence[FieldError] = ()
    members: Mapping[str, Any] | None = None
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table: the kinds of problem that an exception can become, and how."""

    problems: tuple[Problem, ...]
    tell: Callable[[Any], Answer]


def _row[E: Exception](
    error_type: type[E],
    problem: Problem,
    *,
    errors: Callable[[E], Iterable[FieldError]] | None = None,
    members: Callable[[E], Mapping[str, Any]] | None = None,
    headers: Callable[[E], Sequence[tuple[str, str]]] | None = None,
) -> tuple[type[Exception], Entry]:
    """An exception whose text is the problem's detail."""

    def tell(error: E) -> Answer:
        return Answer(
            problem=problem,
            detail=str(error),
            errors=tuple(errors(error)) if errors else (),
            members=members(error) if members else None,
            headers=headers(error) if headers else (),
        )

    return error_type, Entry((problem,), tell)


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"amount": f"{rounded(amount, currency):f}", "currency": currency}


def _at(pointer: str, detail: object) -> FieldError:
    return FieldError("body", pointer, str(detail))


def _pointed(refusal: Rejected) -> tuple[FieldError, ...]:
    return () if refusal.pointer is None else (_at(refusal.pointer, refusal),)


def _nights(nights: Iterable[rejections.ShortNight]) -> list[dict[str, Any]]:
    return [{"room_type": n.room_type, "date": n.date.isoformat(), "free": n.free, "wanted": n.wanted} for n in nights]


def _taken_by(stay: rejections.TakenBy) -> dict[str, Any]:
    booking_id = None if stay.booking_id is None else str(stay.booking_id)
    return {"booking_id": booking_id, "line": stay.line, "from": stay.first.isoformat(), "to": stay.until.isoformat()}


# ---------------------------------------------------------------- problems that no single exception stands for

INTERNAL = Problem(
    "internal",
    500,
    "Something went wrong here",
    "The service met an error that it didn't expect. Nothing that your request says can be the reason. Send the "
    "request again with the same Idempotency-Key; if it keeps failing, tell the operator the request_id.",
)
NOT_FOUND = Problem(
    "not_found",
    404,
    "There is nothing here",
    "The path names nothing that exists, or nothing that you may see. Check the ids in it.",
)
METHOD_NOT_ALLOWED = Problem(
    "method_not_allowed",
    405,
    "This method isn't possible here",
    "The path exists, but not with this HTTP method. The Allow header says which ones it takes.",
)
BODY_TOO_LARGE = Problem(
    "body_too_large",
    413,
    "The body is too large",
    "A request body may have a limited number of bytes, which the member max_body_bytes says. Split the request.",
)
INVALID = Problem(
    "invalid_request",
    422,
    "The request isn't well formed",
    "A field of the body, a parameter or a header is missing, unknown, of a wrong type or out of its range. The member "
    "errors lists each one: in says where it stands, pointer is a JSON pointer to it, detail says what is wrong. "
    "Nothing has changed.",
)
BAD_REQUEST = Problem(
    "bad_request",
    400,
    "The request can't be understood",
    "The request breaks a rule of HTTP itself. Check the headers and how the body is sent.",
)
TIMED_OUT = Problem(
    "timed_out",
    503,
    "The request took too long",
    "The service gives each request a limited time. Whether a command was done by then isn't known: send it again with "
    "the same Idempotency-Key, which has one effect. Wait as long as Retry-After says first.",
)
HEADERS_TOO_LARGE = Problem(
    "headers_too_large",
    431,
    "The request's headers are too large",
    "The address and the header fields of a request may have a limited number of bytes, and there may be a limited "
    "number of fields. Send fewer or shorter ones; a browser with too many cookies deletes them.",
)
TOO_SLOW = Problem(
    "too_slow",
    408,
    "The request didn't arrive in time",
    "The header fields of a request, and its body, have a limited time to arrive. Nothing was done. Send it again.",
)

_OF_STATUS = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED, 413: BODY_TOO_LARGE, 422: INVALID}


def _http_exception(error: HTTPException) -> Answer:
    problem = _OF_STATUS.get(error.status_code, INTERNAL if error.status_code >= 500 else BAD_REQUEST)
    headers = tuple((error.headers or {}).items())
    if error.status_code == 400:  # FastAPI's word for a body that is nested too deeply, or isn't UTF-8
        return Answer(INVALID, "The body can't be read.", errors=(_at("", "This isn't JSON that can be read."),))
    if problem is INTERNAL or not isinstance(error.detail, str):
        return Answer(problem, problem.title + ".", status=error.status_code, headers=headers)
    detail = {404: "Nothing is at this path.", 405: "This path doesn't take this method."}.get(
        error.status_code, shortened(error.detail)
    )
    members = {"max_body_bytes": error.limit} if isinstance(error, BodyTooLarge) else None
    return Answer(problem, detail, status=error.status_code, headers=headers, members=members)


class BodyTooLarge(HTTPException):
    """A request body with more bytes than the limit. An HTTPException, so that FastAPI lets it through unchanged."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body has more than {limit} bytes.")
        self.limit = limit


def _validation(error: ValidationError | RequestValidationError) -> Answer:
    # Only what was wrong goes back, never the input itself: it may be huge, and it may be personal.
    if isinstance(error, RequestValidationError):
        raw: Sequence[Any] = error.errors()
    else:
        raw = error.errors(include_url=False, include_context=False, include_input=False)
    fields = [_field_error(item, error) for item in raw[:_MOST_ERRORS]]
    if fields and all(field.place == "path" for field in fields):
        return Answer(NOT_FOUND, "Nothing is at this path.")
    return Answer(INVALID, "The request isn't well formed; errors says where.", errors=fields)


def _field_error(item: Mapping[str, Any], error: Exception) -> FieldError:
    loc = tuple(item["loc"])
    place = "body"
    if isinstance(error, RequestValidationError) and loc and loc[0] in ("body", "query", "path", "header", "cookie"):
        place, loc = str(loc[0]), loc[1:]
    if item["type"] == "json_invalid":
        return FieldError(place, "", "This isn't valid JSON.")
    return FieldError(place, pointer(loc), shortened(str(item["msg"])))


def pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901). Long names, which only a client makes, are cut."""
    return "".join("/" + _step(step) for step in path)


def _step(step: str | int) -> str:
    # Unpaired surrogates, which JSON can carry but UTF-8 can't, would make the answer unwritable.
    text = str(step)[:_LONGEST_NAME].encode("utf-8", "replace").decode()
    return text.replace("~", "~0").replace("/", "~1")


def shortened(text: str) -> str:
    """A text cut to a length fit for an answer, without characters that UTF-8 can't write."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= _LONGEST_TEXT else clean[:_LONGEST_TEXT] + "…"


# ---------------------------------------------------------------- the table


def _unknown_room_type(error: rejections.UnknownRoomType) -> Answer:
    where = error.pointer if error.index is None else f"/rooms/{error.index}/room_type"
    if where is None:  # the room type was named in the path
        return Answer(NOT_FOUND, str(error))
    return Answer(UNKNOWN_ROOM_TYPE, str(error), errors=(_at(where, error),))


def _unknown_room(error: rejections.UnknownRoom) -> Answer:
    if error.in_path:
        return Answer(NOT_FOUND, shortened(str(error)))
    return Answer(UNKNOWN_ROOM, str(error), errors=_pointed(error))


def _unknown_booking(error: rejections.UnknownBooking) -> Answer:
    if error.pointer is None:  # the booking was named in the path
        return Answer(UNKNOWN_BOOKING, str(error))
    return Answer(UNKNOWN_BOOKING, str(error), status=422, errors=_pointed(error))


def _wrong_master_key(_: WrongMasterKey) -> Answer:
    # The operator is told more, by the process that ends; a client only that nothing was written.
    return Answer(UNAVAILABLE, "The database can't be used.", headers=(("Retry-After", "2"),))


BUSY = Problem(
    "busy",
    503,
    "Too much is going on right now",
    "The service refuses some work so that the rest stays fast. Wait as long as Retry-After says, "
    "then send "
    "the request again.",
)
UNAVAILABLE = Problem(
    "unavailable",
    503,
    "The database can't be reached",
    "Nothing was written. Wait as long as Retry-After says, then send the request again; GET /health/ready says more.",
)
UNKNOWN_ROOM_TYPE = Problem(
    "unknown_room_type",
    422,
    "The hotel has no such room type",
    "Room types are named by their code. GET /v1/hotels/{hotel_id}/room-types lists those of a hotel.",
)
UNKNOWN_ROOM = Problem(
    "unknown_room",
    422,
    "The hotel has no such room",
    "Rooms are named as the hotel names them. GET /v1/hotels/{hotel_id}/room-types lists those of each type.",
)
UNKNOWN_BOOKING = Problem(
    "unknown_booking",
    404,
    "The hotel has no such booking",
    "No booking of this hotel has this id. A booking belongs to one hotel and is found under it only. Where a body "
    "names the booking, the status is 422.",
)

TABLE: dict[type[Exception], Entry] = dict(
    [
        # -- refusals of the domain
        _row(
            Rejected,
            Problem(
                "refused",
                409,
                "A rule of the trade refuses this",
                "The command is well formed and can't be done as things stand; detail says why. Nothing has changed.",
            ),
        ),
        _row(
            rejections.UnknownHotel,
            Problem("unknown_hotel", 404, "There is no such hotel", "No hotel has this id. GET /v1/hotels lists them."),
        ),
        (rejections.UnknownBooking, Entry((UNKNOWN_BOOKING,), _unknown_booking)),
        (rejections.UnknownRoomType, Entry((UNKNOWN_ROOM_TYPE, NOT_FOUND), _unknown_room_type)),
        (rejections.UnknownRoom, Entry((UNKNOWN_ROOM, NOT_FOUND), _unknown_room)),
        _row(
            rejections.UnknownLine,
            Problem(
                "unknown_line",
                422,
                "The booking has no such line",
                "The rooms of a booking are its lines, numbered from 1. Name lines that the booking has.",
            ),
            errors=_pointed,
            members=lambda e: {"line": e.line},
        ),
        _row(
            rejections.UnknownRatePlan,
            Problem(
                "unknown_rate_plan", 422, "There is no such rate plan", "The public rate is BAR; there is no other yet."
            ),
            errors=_pointed,
        ),
        _row(
            rejections.StayNegative,
            Problem(
                "stay_negative",
                422,
                "The departure lies before the arrival",
                "A stay is half open: it has the nights from the arrival up to, without, the departure. Equal "
                "dates are "
                "day use.",
            ),
            errors=_pointed,
        ),
        _row(
            rejections.RangeEmpty,
            Problem(
                "range_empty",
                422,
                "The range has no night",
                "A range is half open: it has the nights from the first date up to, without, the other one, so that "
                "must lie after it.",
            ),
            errors=_pointed,
        ),
        _row(
            rejections.StayTooLong,
            Problem(
                "stay_too_long", 422, "The stay is too long", "A stay has a greatest length, in the member maximum."
            ),
            errors=_pointed,
            members=lambda e: {"nights": e.nights, "maximum": e.maximum},
        ),
        _row(
            rejections.ArrivalInPast,
            Problem(
                "arrival_in_past",
                422,
                "The arrival lies in the past",
                "Past means before the hotel's business date, which moves on at a fixed hour of its local time (04:00 "
                "unless set otherwise). The member business_date says which day it is there.",
            ),
            errors=_pointed,
            members=lambda e: {"business_date": e.business_date.isoformat()},
        ),
        _row(
            rejections.RangeInPast,
            Problem(
                "range_in_past",
                422,
                "The range begins in the past",
                "Nights before the hotel's business date, in the member business_date, can't be changed any more.",
            ),
            errors=_pointed,
            members=lambda e: {"business_date": e.business_date.isoformat()},
        ),
        _row(
            rejections.DepartureInPast,
            Problem(
                "departure_in_past",
                422,
                "The departure lies in the past",
                "Past means before the hotel's business date, in the member business_date. Guests who left earlier are "
                "checked out today.",
            ),
            errors=_pointed,
            members=lambda e: {"business_date": e.business_date.isoformat()},
        ),
        _row(
            rejections.BeyondHorizon,
            Problem(
                "beyond_horizon",
                422,
                "The hotel can't be booked that far ahead",
                "Each hotel can be booked up to a date, in the member bookable_until, which moves on with time.",
            ),
            errors=_pointed,
            members=lambda e: {"bookable_until": e.bookable_until.isoformat()},
        ),
        _row(
            rejections.PartyTooLarge,
            Problem(
                "party_too_large",
                422,
                "The room type doesn't take so many guests",
                "Each room type takes a number of adults and of children. Book more rooms, or a larger type.",
            ),
            errors=lambda e: () if e.index is None else (_at(f"/rooms/{e.index}", e),),
            members=lambda e: {
                "room_type": e.room_type,
                "max_adults": e.max_adults,
                "max_children": e.max_children,
            },
        ),
        _row(
            rejections.SoldOut,
            Problem(
                "sold_out",
                409,
                "Not enough rooms are free",
                "On at least one night of the stay fewer rooms are free than were asked for. The member nights "
                "lists each "
                "such night with its room type, what is free and what was wanted. Nothing was booked.",
            ),
            members=lambda e: {"nights": _nights(e.nights)},
        ),
        _row(
            rejections.StopSell,
            Problem(
                "stop_sell",
                409,
                "Nights of the stay aren't for sale",
                "The hotel has closed nights of this room type, which the member nights lists. Stays that were booked "
                "before keep them. Choose other dates or another type.",
            ),
            members=lambda e: {"room_type": e.room_type, "nights": [night.isoformat() for night in e.nights]},
        ),
        _row(
            rejections.MinimumStay,
            Problem(
                "minimum_stay",
                409,
                "The stay is too short for its arrival",
                "Stays in this room type that arrive on that date have at least so many nights as the member minimum "
                "says.",
            ),
            members=lambda e: {
                "room_type": e.room_type,
                "arrival": e.arrival.isoformat(),
                "minimum": e.minimum,
                "nights": e.nights,
            },
        ),
        _row(
            rejections.ClosedToArrival,
            Problem(
                "closed_to_arrival",
                409,
                "Stays can't begin on this date",
                "The hotel has closed this date to arrivals in this room type. Stays that arrive earlier may go "
                "through it.",
            ),
            members=lambda e: {"room_type": e.room_type, "arrival": e.arrival.isoformat()},
        ),
        _row(
            rejections.ClosedToDeparture,
            Problem(
                "closed_to_departure",
                409,
                "Stays can't end on this date",
                "The hotel has closed this date to departures from this room type. Stays that leave later may go "
                "through it.",
            ),
            members=lambda e: {"room_type": e.room_type, "departure": e.departure.isoformat()},
        ),
        _row(
            rejections.PriceChanged,
            Problem(
                "price_changed",
                409,
                "The price is another one now",
                "The stay doesn't cost what expected_total said; the member total says what it costs now. Ask "
                "the guest "
                "and send the request again with the new total. Nothing was booked.",
            ),
            members=lambda e: {"total": _money(e.total, e.currency)},
        ),
        _row(
            rejections.WrongCurrency,
            Problem(
                "wrong_currency",
                422,
                "The hotel's prices are in another currency",
                "A hotel has one currency, and all amounts sent to it are in that.",
            ),
            errors=_pointed,
            members=lambda e: {"currency": e.hotel_currency},
        ),
        _row(
            rejections.HoldExpired,
            Problem(
                "hold_expired",
                409,
                "The hold has ended",
                "A hold sets rooms aside until a deadline. It has passed, so the rooms may be sold to others: "
                "book again.",
            ),
            members=lambda e: {"expired_at": instant(e.expired_at.isoformat())},
        ),
        _row(
            rejections.WrongLineState,
            Problem(
                "wrong_state",
                409,
                "The booking isn't in a state for this",
                "Each line of a booking goes from held or confirmed to checked in and checked out, or ends as "
                "cancelled, "
                "expired or no-show. The member lines says which line is in which state.",
            ),
            members=lambda e: {"lines": [{"line": line, "state": state} for line, state in e.lines]},
        ),
        _row(
            rejections.InHouse,
            Problem(
                "in_house",
                409,
                "The guests are in house",
                "Of a line whose guests are in house only the departure can change, and its room by assign-room. The "
                "member field says what would have changed.",
            ),
            members=lambda e: {"line": e.line, "field": e.field},
        ),
        _row(
            rejections.GuestsExpected,
            Problem(
                "guests_expected",
                409,
                "The guests are still expected or in house",
                "Who has a stay before them can't be forgotten: cancel it first, or wait until it is over. The member "
                "lines says which lines are open, and departure when the last of them ends.",
            ),
            members=lambda e: {"lines": list(e.lines), "departure": e.departure},
        ),
        _row(
            rejections.GuestErased,
            Problem(
                "guest_erased",
                409,
                "The guest was erased",
                "Nothing can be noted about guests whose data was erased. Add a booker, or book anew.",
            ),
        ),
        _row(
            rejections.TooManyLines,
            Problem(
                "too_many_lines",
                422,
                "The booking would have too many lines",
                "A booking has a greatest number of lines, in the member maximum; cancelled ones count, since no line "
                "is ever taken out. Make another booking for further rooms.",
            ),
            errors=_pointed,
            members=lambda e: {"maximum": e.maximum},
        ),
        _row(
            rejections.RoomNeeded,
            Problem(
                "room_needed",
                409,
                "A room must be assigned first",
                "Guests check in to a room. The member lines names the lines that have none for tonight: give them one "
                "by assign-room.",
            ),
            members=lambda e: {"lines": e.lines},
        ),
        _row(
            rejections.RoomTaken,
            Problem(
                "room_taken",
                409,
                "Somebody has the room",
                "A room has one stay in a night. The member stays lists who has it, for the nights from the first date "
                "up to, without, the other; booking_id is null for a line of the booking that the command is about.",
            ),
            members=lambda e: {"room": e.room, "stays": [_taken_by(stay) for stay in e.stays]},
        ),
        _row(
            rejections.RoomOutOfOrder,
            Problem(
                "room_out_of_order",
                409,
                "The room is out of order",
                "The room can't be used for the nights from the first date up to, without, the other. Choose another "
                "room, or put it back in service.",
            ),
            members=lambda e: {"room": e.room, "from": e.first.isoformat(), "to": e.until.isoformat()},
        ),
        _row(
            rejections.NoRoomFits,
            Problem(
                "no_room_fits",
                409,
                "No room fits",
                "There aren't enough rooms of the type that have all these features and are free for all nights of "
                "each of these lines. Ask for less, assign rooms by hand for a part of the nights, or take another "
                "type.",
            ),
            members=lambda e: {"room_type": e.room_type, "lines": e.lines, "features": e.features},
        ),
        _row(
            rejections.NoNightsLeft,
            Problem(
                "no_nights_left",
                409,
                "The line doesn't have these nights",
                "A room is given for nights of the stay that aren't over. The members from and to say which are left.",
            ),
            members=lambda e: {"line": e.line, "from": e.first.isoformat(), "to": e.until.isoformat()},
        ),
        _row(
            rejections.NothingToSwap,
            Problem(
                "nothing_to_swap",
                409,
                "A line has no room to swap",
                "Two lines swap rooms only if both have one. The member line says which has none: assign it one.",
            ),
            members=lambda e: {"line": e.line},
        ),
        _row(
            rejections.BelowSold,
            Problem(
                "below_sold",
                409,
                "More rooms are sold than would be left",
                "The member nights lists each night with what is free and what was to be taken away, bookings the ids "
                "of those that have a room of these nights, 200 at most. Move or walk some of them; or let a manager "
                "raise the allowance. Nothing has changed.",
            ),
            members=lambda e: {"nights": _nights(e.nights), "bookings": [str(booking) for booking in e.bookings]},
        ),
        _row(
            rejections.AllowanceTooHigh,
            Problem(
                "allowance_too_high",
                409,
                "The allowance can't be that high",
                "A room type can be sold beyond its rooms in service by half of its rooms at most, rounded up: that is "
                "the member maximum.",
            ),
            members=lambda e: {"room_type": e.room_type, "maximum": e.maximum},
        ),
        _row(
            rejections.TooEarly,
            Problem(
                "too_early",
                409,
                "It is too early for this",
                "Check-in and no-show are possible from the day of arrival on, as the hotel's business date "
                "counts days.",
            ),
            members=lambda e: {"arrival": e.arrival.isoformat(), "business_date": e.business_date.isoformat()},
        ),
        _row(
            rejections.StayOver,
            Problem(
                "stay_over", 409, "The stay is over", "Its departure has passed, so its guests can't arrive any more."
            ),
            members=lambda e: {"departure": e.departure.isoformat(), "business_date": e.business_date.isoformat()},
        ),
        _row(
            rejections.RoomTypeExists,
            Problem(
                "room_type_exists", 409, "The hotel has this room type already", "Its code is taken. Choose another."
            ),
        ),
        _row(
            rejections.RoomExists,
            Problem(
                "room_exists", 409, "The hotel has this room already", "A room's number is unique within its hotel."
            ),
            members=lambda e: {"room": shortened(e.room)},
        ),
        _row(
            rejections.PriceNotRepresentable,
            Problem(
                "price_not_representable",
                422,
                "The price has too many decimals",
                "A price is a whole number of its currency's smallest unit: 0.01 for EUR, 1 for JPY, 0.001 for KWD.",
            ),
            errors=_pointed,
        ),
        _row(
            rejections.TimeZoneFixed,
            Problem(
                "time_zone_fixed",
                409,
                "The time zone can't change any more",
                "The dates of bookings are local dates; after the first booking another zone would move them.",
            ),
        ),
        _row(
            rejections.VersionMismatch,
            Problem(
                "version_mismatch",
                412,
                "It has changed since you read it",
                "If-Match named another version than the current one. Read it again, look at what changed, "
                "decide anew.",
            ),
            members=lambda e: {"expected": e.expected, "actual": e.actual},
        ),
        _row(
            rejections.KeyReused,
            Problem(
                "idempotency_key_reused",
                422,
                "The idempotency key belongs to another request",
                "An Idempotency-Key stands for one request. Send the same body with it, or take a new key.",
            ),
            errors=lambda e: (FieldError("header", "/Idempotency-Key", str(e)),),
        ),
        _row(
            rejections.TimeRunsBackwards,
            Problem(
                "time_runs_backwards",
                409,
                "The ledger knows later facts already",
                "The facts of a hotel are recorded in the order of their times. An import of old bookings needs "
                "a hotel "
                "that has none yet.",
            ),
        ),
        # -- who may do what
        _row(
            identity_errors.NotSignedIn,
            Problem(
                "not_signed_in",
                401,
                "You aren't signed in",
                "This needs a signed-in account, or the token that was sent has ended or isn't valid. Sign in by POST "
                "/v1/auth/login, or get a new access token by POST /v1/auth/refresh.",
            ),
            headers=lambda e: (("WWW-Authenticate", 'Bearer realm="staysync"'), *e.headers),
        ),
        _row(
            identity_errors.WrongCredentials,
            Problem(
                "wrong_credentials",
                401,
                "E-mail or password is wrong",
                "No account has this e-mail with this password. The answer is the same where no account has the "
                "e-mail.",
            ),
            headers=lambda _: (("WWW-Authenticate", 'Bearer realm="staysync"'),),
        ),
        _row(
            identity_errors.NotPermitted,
            Problem(
                "not_permitted",
                403,
                "You may not do this",
                "The account that is signed in has no role at this hotel that permits this.",
            ),
        ),
        _row(
            identity_errors.ForgedRequest,
            Problem(
                "csrf",
                403,
                "The request may come from another site",
                "A write that is signed in by cookie must carry the value of the cookie staysync_csrf (behind HTTPS "
                "__Host-staysync_csrf) in the header X-CSRF-Token, and an Origin, if sent, must be this service's own. "
                "Programs use Authorization: Bearer instead and need neither.",
            ),
        ),
        _row(
            identity_errors.UnknownAccount,
            Problem(
                "unknown_account", 404, "There is no such account", "No account has this e-mail. It registers first."
            ),
        ),
        _row(
            identity_errors.TooManyClaims,
            Problem(
                "too_many_claims",
                409,
                "Too many bookings are claimed",
                "An account may claim a thousand bookings. Whoever books for others acts at the hotel in a role.",
            ),
        ),
        _row(
            identity_errors.NotVerified,
            Problem(
                "email_not_verified",
                409,
                "The e-mail isn't verified",
                "Roles and bookings go by whose an e-mail is, so its account proves first that it can read its mail: "
                "POST /v1/auth/resend-verification mails a token, POST /v1/auth/verify-email takes it.",
            ),
        ),
        _row(
            identity_errors.WrongPassword,
            Problem(
                "wrong_password",
                403,
                "The current password is another one",
                "A change of the password needs the one that is in force. Whoever has forgotten it asks for a mail by "
                "POST /v1/auth/forgot-password.",
            ),
            errors=lambda e: (_at("/current_password", e),),
        ),
        _row(
            identity_errors.WeakPassword,
            Problem(
                "weak_password",
                422,
                "The password is too easy to guess",
                "The password is one of the most common ones, or it follows from the e-mail address or the name; "
                "digits and signs around such a word don't help. Nothing has changed. Three or four words that have "
                "nothing to do with each other are a good password.",
            ),
            errors=lambda e: (_at(f"/{e.field}", e),),
        ),
        _row(
            identity_errors.InvalidToken,
            Problem(
                "invalid_token",
                422,
                "The token out of the mail isn't valid",
                "It was used before, has ended, or was made for another account; a newer mail may have a newer one. An "
                "e-mail is verified by the account that is signed in. Ask for another mail by POST "
                "/v1/auth/forgot-password or /v1/auth/resend-verification.",
            ),
            errors=lambda e: (_at("/token", e),),
        ),
        _row(identity_errors.UnknownSession, NOT_FOUND),
        _row(identity_errors.UnknownKey, NOT_FOUND),
        _row(
            identity_errors.TooManyKeys,
            Problem(
                "too_many_keys",
                409,
                "There are too many keys",
                "An account may have 100 keys in force. Revoke those that no program needs.",
            ),
        ),
        _row(
            identity_errors.TooBusy,
            BUSY,
            headers=lambda _: (("Retry-After", "2"),),
        ),
        _row(
            identity_errors.AccountsUnavailable,
            UNAVAILABLE,
            headers=lambda _: (("Retry-After", "2"),),
        ),
        # -- commands that the ledger couldn't take
        _row(LedgerUnavailable, UNAVAILABLE, headers=lambda _: (("Retry-After", "2"),)),
        (WrongMasterKey, Entry((UNAVAILABLE,), _wrong_master_key)),
        _row(
            CommandTooSlow,
            Problem(
                "command_too_slow",
                503,
                "The database took too long for this command",
                "A writer may hold a hotel for two seconds, and this command alone took longer. Nothing was written. "
                "Wait as long as Retry-After says, then send it again; if it is about a long range of nights, "
                "send it in parts.",
            ),
            headers=lambda _: (("Retry-After", "5"),),
        ),
        _row(
            HotelBusy,
            Problem(
                "hotel_busy",
                503,
                "The hotel's ledger is held by someone else",
                "Another client or task has held this hotel for too long. Nothing was written; other hotels go on. "
                "Wait as long as Retry-After says, then send the request again.",
            ),
            headers=lambda _: (("Retry-After", "1"),),
        ),
        _row(
            OutcomeUnknown,
            Problem(
                "outcome_unknown",
                503,
                "It isn't known whether this was done",
                "The connection to the database broke while the command was being committed. Send the same request "
                "again with the same Idempotency-Key: it has one effect and gets the answer of that. Without a key, "
                "look first.",
            ),
            headers=lambda _: (("Retry-After", "2"),),
        ),
        _row(ReferenceTaken, BUSY, headers=lambda _: (("Retry-After", "1"),)),
        _row(
            command_errors.BadHeader,
            INVALID,
            errors=lambda e: (FieldError("header", pointer((e.name,)), shortened(e.reason)),),
        ),
        _row(
            command_errors.UnknownParameter,
            INVALID,
            errors=lambda e: (FieldError("query", pointer((e.name,)), str(e)),),
        ),
        _row(command_errors.BadField, INVALID, errors=lambda e: (FieldError("body", e.pointer, shortened(e.reason)),)),
        _row(
            limits.TooManyRequests,
            Problem(
                "too_many_requests",
                429,
                "Too many requests of this kind",
                "What could be used to guess, to search or to block rooms is limited for each address and account. "
                "The header RateLimit-Policy says how many in how many seconds, RateLimit what is left. Wait as long "
                "as Retry-After says, then send the request again. Nothing has changed.",
            ),
            members=lambda e: {"violated_policies": [quota.policy for quota in e.quotas if not quota.remaining]},
            headers=lambda e: (
                ("Retry-After", str(e.retry_after_s)),
                *((name.decode(), value.decode()) for name, value in limits.headers_of(e.quotas)),
            ),
        ),
        # -- mails
        _row(mail_errors.MailsUnavailable, UNAVAILABLE, headers=lambda _: (("Retry-After", "2"),)),
        _row(mail_errors.UnknownMail, NOT_FOUND),
        _row(
            mail_errors.MailNotFailed,
            Problem(
                "mail_not_failed",
                409,
                "The mail hasn't failed",
                "Only a mail in the state failed can be tried again: one that waits goes by itself, one that was sent "
                "or dropped isn't sent again.",
            ),
        ),
        # -- questions
        _row(query_errors.ReadSideUnavailable, UNAVAILABLE, headers=lambda _: (("Retry-After", "2"),)),
        _row(query_errors.NotFound, NOT_FOUND),
        _row(
            query_errors.NotThereThen,
            Problem(
                "not_there_then",
                404,
                "It wasn't there yet",
                "The hotel or booking came after the instant that as_of or known_at names. Ask about a later instant, "
                "or leave both out to ask about now.",
            ),
        ),
        _row(
            query_errors.TooManyStreams,
            Problem(
                "too_many_streams",
                429,
                "Too many streams are open",
                "A stream stays open, so an account may have a few at once in each process of the API, and a process "
                "a greatest number. Close one that nobody reads, or try again when Retry-After says.",
            ),
            members=lambda e: {"maximum": e.most},
            headers=lambda _: (("Retry-After", "30"),),
        ),
        _row(
            query_errors.PositionNotReached,
            Problem(
                "position_not_reached",
                503,
                "The read model hasn't caught up yet",
                "The query asked by StaySync-Min-Position for a state that the read model hasn't reached in time. The "
                "member positions says how far it is. Wait as long as Retry-After says, then ask again, or ask without "
                "the header.",
            ),
            members=lambda e: {
                "positions": [
                    {
                        "hotel_id": str(p.hotel_id),
                        "wanted": p.wanted,
                        "reached": p.reached,
                        "parked": p.parked,
                    }
                    for p in e.positions
                ]
            },
            headers=lambda _: (("Retry-After", "1"),),
        ),
        _row(
            query_errors.BadParameter,
            INVALID,
            errors=lambda e: (FieldError(e.place, pointer((e.name,)), shortened(e.reason)),),
        ),
        _row(
            query_errors.UnknownReport,
            Problem(
                "unknown_report",
                404,
                "There is no such report",
                "The path names a report that there isn't. The member reports lists those that there are.",
            ),
            members=lambda e: {"reports": e.known},
        ),
        # -- operators
        _row(operations_errors.UnknownDeadLetter, NOT_FOUND),
        _row(operations_errors.UnknownSchedule, NOT_FOUND),
        _row(operations_errors.DeskUnavailable, UNAVAILABLE, headers=lambda _: (("Retry-After", "2"),)),
        _row(
            operations_errors.QueueUnavailable,
            Problem(
                "queue_unavailable",
                503,
                "Nothing can be queued at the moment",
                "The broker can't be reached, so that no task can be queued. Nothing has changed; send the request "
                "again later. Bookings don't need the broker.",
            ),
            headers=lambda _: (("Retry-After", "5"),),
        ),
        # -- malformed requests, and what FastAPI and Starlette raise themselves
        (ValidationError, Entry((INVALID,), _validation)),
        (RequestValidationError, Entry((INVALID, NOT_FOUND), _validation)),
        (
            HTTPException,
            Entry((NOT_FOUND, METHOD_NOT_ALLOWED, BODY_TOO_LARGE, INVALID, BAD_REQUEST, INTERNAL), _http_exception),
        ),
    ]
)

PROBLEMS: dict[str, Problem] = {
    problem.code: problem
    for problem in (
        *(problem for entry in TABLE.values() for problem in entry.problems),
        TIMED_OUT,
        HEADERS_TOO_LARGE,
        TOO_SLOW,
    )
}
"""Every kind of problem that a client can be told, by its code."""


def entry_for(error: type[Exception]) -> Entry | None:
    """The row of the table for a type of exception, or for the nearest of its bases."""
    return next((TABLE[base] for base in error.__mro__ if base in TABLE), None)


def instant(text: str) -> str:
    """An instant's ISO form with UTC written as Z (RFC 3339)."""
    return re.sub(r"\+00:00$", "Z", text)


# ---------------------------------------------------------------- answers


def render(answer: Answer, *, instance: str, request_id: str) -> Response:
    """A problem as an HTTP response."""
    status = answer.status or answer.problem.status
    body: dict[str, Any] = {
        "type": answer.problem.type,
        "title": answer.problem.title,
        "status": status,
        "detail": shortened(answer.detail),
        "instance": shortened(instance),
        "code": answer.problem.code,
        "request_id": request_id,
    }
    if answer.errors:
        body["errors"] = [{"in": e.place, "pointer": e.pointer, "detail": e.detail} for e in answer.errors]
    if answer.members:
        body |= answer.members
    response = Response(orjson.dumps(body), status, media_type=MEDIA_TYPE)
    for name, value in answer.headers:
        response.headers.append(name, value)
    return response


def respond(request: Request, error: Exception) -> Response:
    """The problem that an exception of the table becomes."""
    entry = entry_for(type(error))
    if entry is None:
        raise error
    answer = entry.tell(error)
    if request.method == "GET":  # rules of the trade point at fields of bodies; what asks has parameters instead
        asked = tuple(replace(e, place="query") if e.place == "body" else e for e in answer.errors)
        answer = replace(answer, errors=asked)
    request.state.problem = answer.problem.code  # for the access log
    response = render(answer, instance=request.url.path, request_id=request.state.request_id)
    if response.status_code == METHOD_NOT_ALLOWED.status:
        response.headers["Allow"] = ", ".join(_methods_at(request))
    return response


def _methods_at(request: Request) -> list[str]:
    """The methods that some route takes at this path. Starlette itself names those of the first route only."""
    taken = [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.router.routes
        )
    ]
    return ["GET", "HEAD", *taken[1:]] if "GET" in taken else taken


type Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


def handlers() -> dict[int | type[Exception], Handler]:
    """A handler for each exception of the table, for the app factory."""

    async def handle(request: Request, error: Exception) -> Response:
        return respond(request, error)

    return dict.fromkeys(TABLE, handle)
