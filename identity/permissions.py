"""Who may do what: one table of roles and actions, from which the check, docs/roles.md and the tests are made.

Every endpoint names one action of the table, by `needs`; one that names none is open to nobody. What isn't in the table
is refused.

A person has at most one role at a hotel. What is about a hotel goes by the role there, so a manager of one hotel is a
guest at every other. Administrators of the group may do everything. A program's key acts in its own role at its hotels
and needs a scope besides; what has no scope is for people only.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from identity.tokens import ROLES, Role

type Scope = Literal["read", "book", "manage"]
type Who = Literal["anonymous", "guest", "administrator"] | Role
"""As what someone acts at a hotel: in their role there; signed in without one as a guest; or without an account."""

type Action = Literal[
    "service.read",
    "hotels.read",
    "bookings.book",
    "bookings.look_up",
    "account.enter",
    "account.own",
    "own_bookings.read",
    "own_bookings.claim",
    "bookings.read",
    "reports.read",
    "reports.figures",
    "position.read",
    "bookings.confirm",
    "bookings.cancel",
    "bookings.manage",
    "bookings.favour",
    "guests.erase",
    "rooms.take_out",
    "rooms.describe",
    "prices.set",
    "restrictions.set",
    "allowance.set",
    "hotel.change",
    "hotel.extend",
    "history.read",
    "ledger.read",
    "access_log.read",
    "members.read",
    "members.set",
    "keys.own",
    "keys.manage",
    "hotels.open",
    "group_log.read",
    "projections.read",
    "projections.retry",
    "mails.read",
    "mails.retry",
    "ops.read",
    "ops.manage",
]

SCOPES: tuple[Scope, ...] = get_args(Scope.__value__)
WHO: tuple[Who, ...] = ("anonymous", "guest", *ROLES, "administrator")
EXTENSION = "x-action"
"""Where a route, and its operation in the OpenAPI document, says its action."""

_GROUPS: Mapping[str, tuple[Who, ...]] = {
    "anyone": WHO,
    "accounts": WHO[1:],
    "bookers": tuple(who for who in WHO if who != "auditor"),
    "members": (*ROLES, "administrator"),
    "administrator": ("administrator",),
}
_NAMES: Mapping[Who, str] = {
    "front_desk": "the front desk",
    "revenue_manager": "a revenue manager",
    "manager": "a manager",
    "auditor": "an auditor",
    "administrator": "an administrator",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table. `own`: also the guest whose booking it is. `scope`: what a key needs; None is no key."""

    action: Action
    may: frozenset[Who]
    own: bool
    scope: Scope | None
    what: str


def _row(action: Action, permitted: str, scope: Scope | None, what: str) -> Rule:
    may: set[Who] = {"administrator"}
    for word in permitted.split():
        if word in _GROUPS:
            may.update(_GROUPS[word])
        elif word != "own":
            may.add(next(who for who in WHO if who == word))
    return Rule(action, frozenset(may), "own" in permitted.split(), scope, what)


# fmt: off
_TABLE = (
    #    action               who                       key       what
    _row("service.read",      "anyone",                 "read",   "health, public keys"),
    _row("hotels.read",       "anyone",                 "read",   "hotels, calendars, availability"),
    _row("bookings.book",     "bookers",                "book",   "book"),
    _row("bookings.look_up",  "anyone",                 "read",   "find one by its reference and e-mail"),
    _row("account.enter",     "anyone",                 None,     "register, sign in and out, recover"),
    _row("account.own",       "accounts",               None,     "one's own account, password and sessions"),
    _row("own_bookings.read", "accounts",               None,     "one's own bookings, made or claimed"),
    _row("own_bookings.claim","accounts",               None,     "claim a booking with one's verified e-mail"),
    _row("bookings.read",     "members",                "read",   "bookings with their guests, the room rack"),
    _row("reports.read",      "members",                "read",   "reports: who arrives, leaves, is in house"),
    _row("reports.figures",   "revenue_manager manager auditor", "read", "all other reports"),
    _row("position.read",     "members",                "read",   "how far ledger and read model are"),
    _row("bookings.confirm",  "front_desk manager own", "book",   "confirm held lines"),
    _row("bookings.cancel",   "front_desk manager own", "book",   "cancel lines"),
    _row("bookings.manage",   "front_desk manager",     "book",   "change, rooms, guests, check-in and -out"),
    _row("bookings.favour",   "front_desk manager",     "book",   "book at any price, hold for long"),
    _row("guests.erase",      "manager",            "manage", "forget who the guests of a booking were"),
    _row("rooms.take_out",    "front_desk manager",     "manage", "take a room out of order and back"),
    _row("rooms.describe",    "manager",                "manage", "say what a room offers"),
    _row("prices.set",        "revenue_manager manager","manage", "prices of nights"),
    _row("restrictions.set",  "revenue_manager manager","manage", "stop-sell, minimum stay, closed dates"),
    _row("allowance.set",     "manager",                "manage", "sell beyond the rooms"),
    _row("hotel.change",      "manager",                "manage", "the hotel's name, place and time zone"),
    _row("hotel.extend",      "manager",                "manage", "room types and rooms"),
    _row("history.read",      "manager auditor",        "read",   "what happened to bookings, rooms, guests, …"),
    _row("ledger.read",       "manager auditor",        "read",   "the hotel's ledger"),
    _row("access_log.read",   "manager auditor",        "read",   "who did what at the hotel"),
    _row("members.read",      "manager auditor",        None,     "who has which role at the hotel"),
    _row("members.set",       "manager",                None,     "give roles at the hotel, and take them"),
    _row("keys.own",          "accounts",               None,     "one's own keys of programs"),
    _row("keys.manage",       "manager",                None,     "make the hotel's keys, list and end all"),
    _row("hotels.open",       "administrator",          None,     "open a hotel"),
    _row("group_log.read",    "administrator",          None,     "who did what anywhere"),
    _row("projections.read",  "administrator",          None,     "hotels whose read tables are parked or amiss"),
    _row("projections.retry", "administrator",          None,     "let a parked hotel be projected on"),
    _row("mails.read",        "administrator",          None,     "which mails went, wait or failed"),
    _row("mails.retry",       "administrator",          None,     "try a failed mail again"),
    _row("ops.read",          "administrator",          None,     "schedules, failed tasks, how all stands"),
    _row("ops.manage",        "administrator",          None,     "run schedules, retry failed tasks"),
)
# fmt: on

RULES: Mapping[str, Rule] = MappingProxyType({rule.action: rule for rule in _TABLE})


def needs(action: Action) -> dict[str, Any]:
    """What a route passes on to say its action: `@router.get(path, **needs("ledger.read"))`."""
    return {"openapi_extra": {EXTENSION: RULES[action].action}}


def action_of(route: object) -> str | None:
    """The action that a route has named, if it has."""
    extra: Mapping[str, Any] | None = getattr(route, "openapi_extra", None)
    return None if extra is None else extra.get(EXTENSION)


def may(who: Who, action: str | None) -> bool:
    """Whether someone who acts as this may do it. An unknown action is refused to everyone."""
    rule = RULES.get(action or "")
    return rule is not None and who in rule.may


def scope_of(action: str | None) -> Scope | None:
    """The scope that a program's key needs; None: no key does."""
    rule = RULES.get(action or "")
    return None if rule is None else rule.scope


def is_for_owners(action: str | None) -> bool:
    """Whether a guest may do it to a booking of their own."""
    rule = RULES.get(action or "")
    return rule is not None and rule.own


def said(action: str | None) -> str:
    """Who may do it, in words: `a manager or an administrator`."""
    rule = RULES.get(action or "")
    if rule is None:
        return "nobody"
    if "anonymous" in rule.may:
        return "anyone"
    if "guest" in rule.may:
        return "anyone with an account"
    words = [_NAMES[who] for who in WHO if who in rule.may]
    if rule.own:
        words.append("the guest whose it is")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def as_markdown() -> str:
    """The table as docs/roles.md has it."""
    lines = [
        f"| action | what | {' | '.join(who.replace('_', ' ') for who in WHO)} | key |",
        f"|---|---|{'---|' * len(WHO)}---|",
    ]
    for rule in _TABLE:
        marks = ["yes" if who in rule.may else "own" if rule.own and who == "guest" else "" for who in WHO]
        lines.append(f"| `{rule.action}` | {rule.what} | {' | '.join(marks)} | {rule.scope or ''} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
