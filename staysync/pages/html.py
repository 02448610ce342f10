"""The pages as HTML text. Everything that isn't written here is escaped; no page has an inline script or style."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from uuid import UUID

from staysync.admin import SignIn
from staysync.problems import Problem

MARK = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#0b6e5f"/>'
    '<path d="M8 24V9h2.6v8.4h10.8v-3.2H24V24h-2.6v-4H10.6v4z" fill="#fff"/>'
    '<circle cx="15" cy="13.6" r="2.2" fill="#ffd27a"/></svg>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownHotel:
    """A hotel in the calendar's list."""

    hotel_id: UUID
    name: str
    city: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A stay that can be booked right now, for commands to copy."""

    hotel_id: str
    room_type: str
    arrival: date
    departure: date


def page(title: str, body: str, *, script: str | None = None) -> str:
    """A whole page in the common frame."""
    tail = f'<script src="/static/{script}" defer></script>' if script else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="/static/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/style.css">
{tail}
</head>
<body>
<header class="top"><div class="wrap">
<a class="mark" href="/">{MARK}StaySync</a>
<nav><a href="/docs">API</a><a href="/problems">Problems</a><a href="/health/ready">Health</a></nav>
</div></header>
<main class="wrap">
{body}
</main>
</body>
</html>
"""


def front_page(
    origin: str,
    hotels: Sequence[ShownHotel],
    example: Example | None,
    sign_ins: Sequence[SignIn],
    *,
    mails: str | None = None,
) -> str:
    """The page at `/`. `mails` is the address of the mail catcher's page, where one runs."""
    side_by_side = _commands(origin, example) + (_sign_ins(sign_ins) if sign_ins else "")
    body = f"""
<div class="hero">
<h1>Rooms that can’t be sold twice.</h1>
<p>StaySync is the system of record for hotel rooms. Booking sites, front desks, channel managers and auditors talk to
it over REST. Each booking goes into a ledger that is never changed; what you read is made from it.</p>
</div>
{_calendar(hotels)}
<div class="columns">
{side_by_side}
</div>
{_links(mails)}
<footer>The calendar reads the same public API as everyone else. Book a room and watch it change.</footer>
"""
    return page("StaySync", body, script="calendar.js")


def _calendar(hotels: Sequence[ShownHotel]) -> str:
    if not hotels:
        return """<section id="live"><h2>Live calendar</h2>
<p>There is no hotel yet. An administrator opens one by <code>POST /v1/hotels</code>; then its nights show here.</p>
</section>"""
    options = "".join(
        f'<option value="{hotel.hotel_id}">{escape(hotel.name)}, {escape(hotel.city)}</option>' for hotel in hotels
    )
    return f"""<section id="live">
<h2>Live calendar</h2>
<p>How many rooms are free each night, and what a night costs. It follows every booking within seconds.</p>
<div class="bar">
<label>Hotel <select id="hotel" autocomplete="off">{options}</select></label>
<button type="button" id="earlier" aria-label="A week earlier">←</button>
<button type="button" id="today">Today</button>
<button type="button" id="later" aria-label="A week later">→</button>
<span class="range" id="range" role="status"></span>
</div>
<div class="scroll" tabindex="0" role="region" aria-label="Calendar"><table class="calendar" id="calendar">
<tbody><tr><td class="message">Reading the calendar …</td></tr></tbody></table></div>
<div class="legend"><span><i class="free"></i>free</span><span><i class="few"></i>few left</span>
<span><i class="none"></i>sold out</span></div>
<noscript><p>The calendar needs JavaScript; the same numbers are at
<code>GET /v1/hotels/{hotels[0].hotel_id}/calendar</code>.</p></noscript>
</section>"""


def _commands(origin: str, example: Example | None) -> str:
    hotel_id = example.hotel_id if example else "{hotel_id}"
    room_type = example.room_type if example else "{room_type}"
    arrival = example.arrival.isoformat() if example else "{arrival}"
    departure = example.departure.isoformat() if example else "{departure}"
    body = (
        f'{{"arrival": "{arrival}", "departure": "{departure}",\n'
        f'       "rooms": [{{"room_type": "{room_type}", "adults": 2}}],\n'
        '       "guest": {"full_name": "Ada Lovelace", "email": "ada@example.org"},\n'
        '       "channel": "direct", "state": "confirmed"}'
    )
    commands = [
        ("Which hotels are there?", f"curl '{origin}/v1/hotels'"),
        (
            "Where is there room?",
            f"curl '{origin}/v1/availability?arrival={arrival}&departure={departure}&adults=2'",
        ),
        (
            "Book a room",
            f"curl -X POST '{origin}/v1/hotels/{hotel_id}/bookings' \\\n"
            "  -H 'Content-Type: application/json' \\\n"
            "  -H 'Idempotency-Key: my-first-booking' \\\n"
            f"  -d '{body}'",
        ),
    ]
    blocks = "".join(
        f'<div class="command"><h3>{escape(title)}'
        f'<button type="button" class="hidden" data-copy="command-{number}">Copy</button></h3>'
        f'<pre id="command-{number}">{escape(command, quote=False)}</pre></div>'
        for number, (title, command) in enumerate(commands, start=1)
    )
    return f"""<section>
<h2>Three commands to copy</h2>
<p>No account is needed. Send the last one twice: its key makes it one booking, with the same answer.</p>
{blocks}
</section>"""


def _sign_ins(sign_ins: Sequence[SignIn]) -> str:
    rows = "".join(
        f"<tr><td>{escape(sign_in.role.replace('_', ' '))}"
        f"{f' of {escape(sign_in.hotel)}' if sign_in.hotel else ''}</td>"
        f"<td><code>{escape(sign_in.email).replace('@', '<wbr>@')}</code></td>"
        f'<td><code class="password">{escape(sign_in.password)}</code></td></tr>'
        for sign_in in sign_ins
    )
    return f"""<section id="sign-ins">
<h2>Demo sign-ins</h2>
<p>For all that isn’t open to everyone. Sign in at <a href="/docs#/accounts">/docs</a> with
<code>POST /v1/auth/login</code>; your browser then stays signed in there.</p>
<div class="scroll"><table class="accounts"><thead><tr><th>Who</th><th>E-mail</th><th>Password</th></tr></thead>
<tbody>{rows}</tbody></table></div>
</section>"""


def _links(mails: str | None) -> str:
    links = [
        *([(mails, "Mails", "What guests and accounts were written. They go nowhere else.")] if mails else []),
        ("/docs", "Try the API", "Swagger UI: every endpoint, and a room booked from your browser."),
        ("/openapi.json", "OpenAPI document", "For code generators and tests."),
        ("/problems", "Problems", "Every error that the API answers with, and what to do about it."),
        ("/health/ready", "Health", "Whether the service can do its work, and what is wrong if not."),
    ]
    items = "".join(f'<li><a href="{escape(path)}">{name}</a><span>{text}</span></li>' for path, name, text in links)
    return f'<section><h2>Go on</h2><ul class="links">{items}</ul></section>'


def account_page() -> str:
    """Where the links of account mails lead; its script shows the form that the link is for."""
    body = """
<div class="hero"><h1>Your account</h1></div>
<section>
<form id="verify" class="form hidden"><h2>Verify your e-mail address</h2>
<label>E-mail <input name="email" type="email" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in and verify</button><p role="status"></p></form>
<form id="reset" class="form hidden"><h2>Choose another password</h2>
<label>New password <input name="password" type="password" autocomplete="new-password" required></label>
<button>Change the password</button><p role="status"></p></form>
<p id="nothing" class="hidden">This page is for the links in our mails: follow one, or ask for another one.</p>
<noscript><p>This page needs JavaScript.</p></noscript>
</section>
"""
    return page("Your account · StaySync", body, script="account.js")


def docs_page() -> str:
    """Swagger UI, which its own script builds."""
    return """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>StaySync API</title>
<link rel="icon" href="/static/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/swagger-ui.css">
<link rel="stylesheet" href="/static/docs.css">
<script src="/static/swagger-ui-bundle.js" defer></script>
<script src="/static/docs.js" defer></script>
</head>
<body>
<div class="back"><a href="/">← StaySync</a></div>
<div id="swagger"></div>
<noscript>Swagger UI needs JavaScript. The document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
</body>
</html>
"""


def problem_page(problem: Problem) -> str:
    """What a kind of problem means."""
    body = f"""
<div class="hero"><h1>{escape(problem.title)}</h1></div>
<section class="problem">
<dl><dt>code</dt><dd><code>{escape(problem.code)}</code></dd><dt>status</dt><dd>{problem.status}</dd>
<dt>type</dt><dd><code>{escape(problem.type)}</code></dd></dl>
<p>{escape(problem.explanation)}</p>
</section>
<p><a href="/problems">All problems</a></p>
"""
    return page(f"{problem.title} · StaySync", body)


def problems_page(problems: Sequence[Problem]) -> str:
    """The list of all kinds of problem."""
    items = "".join(
        f'<li><a href="{problem.type}">{escape(problem.title)}</a>'
        f"<span><code>{escape(problem.code)}</code>, status {problem.status}</span></li>"
        for problem in problems
    )
    body = f"""
<div class="hero"><h1>Problems</h1><p>Errors are answered as <code>application/problem+json</code> (RFC 9457). Programs
go by the member <code>code</code>, which doesn’t change.</p></div>
<section><ul class="links">{items}</ul></section>
"""
    return page("Problems · StaySync", body)
