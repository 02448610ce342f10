"""Reports over HTTP: who may ask, what may be asked, and JSON and CSV of the same rows."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from identity.tokens import ROLES
from query.reports.figures import Kind
from query.reports.registry import GROUPINGS, REPORTS
from staysync.settings import Settings
from tests.clients import Running, open_hotel, project, running, stay
from tests.http.test_statements import counted

FIGURES = [name for name, report in REPORTS.items() if not report.is_list]
LISTS = [name for name, report in REPORTS.items() if report.is_list]


class Desk:
    """A hotel with a few bookings, and its administrator."""

    def __init__(self, service: Running, client: httpx.AsyncClient, hotel_id: UUID) -> None:
        self.service, self.client, self.hotel_id = service, client, hotel_id

    @property
    def base(self) -> str:
        """Where its reports are."""
        return f"/v1/hotels/{self.hotel_id}/reports"

    async def get(self, name: str, **options: Any) -> httpx.Response:
        """A report."""
        return await self.client.get(f"{self.base}/{name}", **options)

    async def book(self, **changes: Any) -> dict[str, Any]:
        """A booking of two nights, thirty days ahead."""
        answer = await self.client.post(f"/v1/hotels/{self.hotel_id}/bookings", json=stay(**changes))
        assert answer.status_code == 201, answer.text
        booking: dict[str, Any] = answer.json()
        return booking

    async def cancel(self, booking: dict[str, Any]) -> None:
        """Cancel a booking."""
        path = f"/v1/hotels/{self.hotel_id}/bookings/{booking['booking_id']}/cancel"
        answer = await self.client.post(path, json={"reason": "plans"})
        assert answer.status_code == 200, answer.text

    async def project(self) -> None:
        """Let the read tables follow."""
        await project(self.service.settings)


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """A hotel with 40 double rooms at 100.00 EUR, one booking, and one that was cancelled."""
    async with running(settings) as service, service.administrator() as client:
        desk = Desk(service, client, await open_hotel(client, rooms=40))
        await desk.book()
        await desk.cancel(await desk.book(channel="phone"))
        await desk.project()
        yield desk


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def arrival(days: int = 0) -> str:
    return f"{datetime.now(UTC).date() + timedelta(days=30 + days)}"


# ---------------------------------------------------------------- what they say


async def test_a_report_says_what_it_is_about_and_adds_up(desk: Desk) -> None:
    answer = await desk.get("revenue", params={"from": arrival(), "to": arrival(3)})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["hotel_id"], found["report"], found["group_by"]) == (str(desk.hotel_id), "revenue", "day")
    assert (found["from"], found["to"], found["as_of"], found["known_at"]) == (arrival(), arrival(3), None, None)
    assert (found["currency"], found["seq"]) == ("EUR", 5)
    sold = {"rooms_available": 40, "rooms_sold": 1, "revenue": "100.00", "adr": "100.00", "revpar": "2.50"}
    assert found["rows"] == [
        {"day": arrival(), **sold},
        {"day": arrival(1), **sold},
        {"day": arrival(2), "rooms_available": 40, "rooms_sold": 0, "revenue": "0.00", "adr": None, "revpar": "0.00"},
    ]
    assert found["total"] == {
        "rooms_available": 120,
        "rooms_sold": 2,
        "revenue": "200.00",
        "adr": "100.00",
        "revpar": "1.67",
    }


async def test_booked_and_cancelled_today_are_in_the_reports_of_today(desk: Desk) -> None:
    bookings = (await desk.get("bookings", params={"group_by": "channel"})).json()
    shown = {row["channel"]: (row["bookings"], row["to_come"], row["cancelled"]) for row in bookings["rows"]}
    assert shown == {"direct": (1, 1, 0), "phone": (1, 0, 1)}
    assert bookings["counts"]["reserved_room_type"] == [{"value": "DBL", "rooms": 2}]
    assert bookings["counts"]["agent"] == [{"value": None, "rooms": 2}]
    cancellations = (await desk.get("cancellations", params={"group_by": "reason"})).json()
    (row,) = cancellations["rows"]
    assert (row["reason"], row["cancelled"], row["value"]) == ("plans", 1, "200.00")


async def test_rooms_of_one_booking_count_each_and_the_booking_once(desk: Desk) -> None:
    rooms = [{"room_type": "DBL", "adults": 2}, {"room_type": "DBL", "adults": 1}]
    await desk.book(rooms=rooms, channel="web")
    await desk.project()
    found = (await desk.get("bookings", params={"group_by": "channel"})).json()
    row = next(row for row in found["rows"] if row["channel"] == "web")
    assert (row["bookings"], row["rooms"], row["nights"], row["mean_adults"]) == (1, 2, 4, 1.5)


async def test_a_hold_counts_as_sold_once_it_is_confirmed(desk: Desk) -> None:
    held = await desk.book(state="hold", channel="web")
    await desk.project()

    async def figures() -> tuple[Any, ...]:
        sold = (await desk.get("occupancy", params={"from": arrival(), "to": arrival(1)})).json()["total"]["rooms_sold"]
        found = (await desk.get("bookings", params={"group_by": "channel"})).json()["rows"]
        row = next(row for row in found if row["channel"] == "web")
        return sold, row["rooms"], row["held"]

    assert await figures() == (1, 0, 1)
    path = f"/v1/hotels/{desk.hotel_id}/bookings/{held['booking_id']}/confirm"
    assert (await desk.client.post(path, json={})).status_code == 200
    await desk.project()
    assert await figures() == (2, 1, 0)


async def test_out_of_order_rooms_are_not_available_and_allowance_is_not_either(desk: Desk) -> None:
    base = f"/v1/hotels/{desk.hotel_id}"
    out = {"from": arrival(), "to": arrival(1), "reason": "a leak"}
    assert (await desk.client.post(f"{base}/rooms/101/out-of-order", json=out)).status_code == 200
    more = {"from": arrival(), "to": arrival(2), "allowance": 5, "reason": "a fair"}
    assert (await desk.client.put(f"{base}/room-types/DBL/allowance", json=more)).status_code == 200
    await desk.project()
    found = (await desk.get("occupancy", params={"from": arrival(), "to": arrival(2)})).json()
    assert [(row["rooms_available"], row["occupancy"]) for row in found["rows"]] == [(39, 2.56), (40, 2.5)]


async def test_day_use_is_listed_and_sells_no_night(desk: Desk) -> None:
    await desk.book(nights=0, begins_in=3)
    await desk.project()
    day = f"{datetime.now(UTC).date() + timedelta(days=3)}"
    until = f"{datetime.now(UTC).date() + timedelta(days=4)}"
    listed = (await desk.get("arrivals", params={"from": day, "to": until})).json()["rows"]
    assert [(row["nights"], row["total"], row["departure"]) for row in listed] == [(0, "0.00", day)]
    assert (await desk.get("occupancy", params={"from": day, "to": until})).json()["total"]["rooms_sold"] == 0


async def test_without_a_range_it_is_around_the_business_date(desk: Desk) -> None:
    for name in REPORTS:
        report = REPORTS[name]
        found = (await desk.get(name)).json()
        hotel = (await desk.client.get(f"/v1/hotels/{desk.hotel_id}")).json()
        today = datetime.fromisoformat(hotel["business_date"]).date()
        first, until = today + timedelta(days=report.from_day), today + timedelta(days=report.to_day)
        assert (found["from"], found["to"]) == (f"{first}", f"{until}")
        alone = (await desk.get(name, params={"from": "2027-01-10"})).json()
        assert (alone["from"], alone["to"]) == ("2027-01-10", f"{datetime(2027, 1, 10).date() + (until - first)}")  # noqa: DTZ001 - a date
        alone = (await desk.get(name, params={"to": "2027-01-10"})).json()
        assert alone["to"] == "2027-01-10"


async def test_an_empty_range_has_no_rows(desk: Desk) -> None:
    for name in REPORTS:
        found = await desk.get(name, params={"from": "2027-01-10", "to": "2027-01-10"})
        assert (found.status_code, found.json()["rows"]) == (200, []), name


# ---------------------------------------------------------------- JSON and CSV


async def test_csv_has_the_rows_of_the_json_under_the_columns_of_the_table(desk: Desk) -> None:
    for name in REPORTS:
        report = REPORTS[name]
        for group_by in report.groupings or (None,):
            params = {"from": arrival(), "to": arrival(2)} | ({"group_by": group_by} if group_by else {})
            json = (await desk.get(name, params=params)).json()
            answer = await desk.get(name, params=params | {"format": "csv"})
            assert answer.headers["content-type"] == "text/csv; charset=utf-8"
            file = f"{name}-{arrival()}-{arrival(2)}.csv"
            assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'
            header, *lines = list(csv.reader(io.StringIO(answer.text, newline="")))
            kinds = report.kinds(group_by)
            assert header == list(kinds)
            assert len(lines) == len(json["rows"])
            for line, row in zip(lines, json["rows"], strict=True):
                for column, text in zip(header, line, strict=True):
                    value = json["currency"] if column == "currency" else row[column]
                    decimals = kinds[column] in (Kind.DECIMAL, Kind.PERCENT)
                    assert text == ("" if value is None else f"{value:.2f}" if decimals else str(value))


async def test_accept_decides_unless_the_format_is_said(desk: Desk) -> None:
    csv_wanted = {"Accept": "text/csv"}
    assert (await desk.get("occupancy", headers=csv_wanted)).headers["content-type"].startswith("text/csv")
    said = await desk.get("occupancy", headers=csv_wanted, params={"format": "json"})
    assert said.headers["content-type"] == "application/json"
    plain = await desk.get("occupancy", headers={"Accept": "*/*"})
    assert (plain.headers["content-type"], plain.headers["vary"]) == ("application/json", "Accept")


async def test_a_guest_whose_name_is_a_formula_is_text_in_a_spreadsheet(desk: Desk) -> None:
    name = '=HYPERLINK("http://evil.example","click")'
    await desk.book(begins_in=2, guest={"full_name": name, "email": "x@example.org"})
    await desk.project()
    day = f"{datetime.now(UTC).date() + timedelta(days=2)}"
    answer = await desk.get("arrivals", params={"from": day, "format": "csv"})
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert row["guest_name"] == f"'{name}"


# ---------------------------------------------------------------- as of


async def test_as_of_shows_what_was_known_then(desk: Desk) -> None:
    before = datetime.now(UTC)
    await desk.book()
    await desk.project()
    for how in ("as_of", "known_at"):
        dates = {"from": arrival(), "to": arrival(1)}
        then = (await desk.get("occupancy", params=dates | {how: before.isoformat()})).json()
        now = (await desk.get("occupancy", params=dates)).json()
        assert (then["total"]["rooms_sold"], now["total"]["rooms_sold"]) == (1, 2)
        assert (then["seq"], now["seq"]) == (5, 6)
        assert then[how] is not None


async def test_before_the_hotel_was_opened_there_is_no_report(desk: Desk) -> None:
    for name in REPORTS:
        answer = await desk.get(name, params={"as_of": "2001-01-01T00:00:00Z"})
        assert problem(answer) == (404, "not_there_then")


BAD: tuple[dict[str, str], ...] = (
    {"as_of": "2026-01-01T00:00:00"},
    {"as_of": "2026-01-01"},
    {"as_of": "1767225600"},
    {"as_of": "yesterday"},
    {"as_of": "0001-01-01T00:00:00Z"},
    {"as_of": "2998-01-01T00:00:00Z"},
    {"known_at": "2998-01-01T00:00:00Z"},
    {"group_by": "moon"},
    {"group_by": "agent"},
    {"group_by": ""},
    {"from": "2026-02-30"},
    {"from": "2026-03-02", "to": "2026-03-01"},
    {"from": "1980-01-01", "to": "2026-03-01"},
    {"from": "0001-01-01"},
    {"to": "9999-12-31"},
    {"format": "xml"},
    {"limit": "10"},
)


async def test_bad_parameters_are_told(desk: Desk) -> None:
    for parameters in BAD:
        answer = await desk.get("occupancy", params=parameters)
        assert problem(answer) == (422, "invalid_request"), parameters
        assert answer.json()["errors"], answer.text


async def test_every_grouping_is_answered_or_refused_in_words(desk: Desk) -> None:
    for name in REPORTS:
        for group_by in GROUPINGS:
            answer = await desk.get(name, params={"group_by": group_by})
            if group_by in REPORTS[name].groupings:
                assert (answer.status_code, answer.json()["group_by"]) == (200, group_by)
            else:
                assert problem(answer) == (422, "invalid_request")
                assert name in answer.json()["errors"][0]["detail"]


async def test_an_unknown_report_is_not_there_and_the_answer_names_those_that_are(desk: Desk) -> None:
    answer = await desk.get("weather")
    assert problem(answer) == (404, "unknown_report")
    assert answer.json()["reports"] == list(REPORTS)
    assert (await desk.client.get(answer.json()["type"])).status_code == 200


async def test_an_unknown_hotel_has_no_reports(desk: Desk) -> None:
    assert problem(await desk.client.get(f"/v1/hotels/{uuid4()}/reports/occupancy")) == (404, "unknown_hotel")


# ---------------------------------------------------------------- who may ask


async def test_figures_are_for_who_runs_or_checks_the_house_and_lists_for_every_member(desk: Desk) -> None:
    for role in ROLES:
        async with desk.service.staff(desk.hotel_id, role) as client:
            for name in REPORTS:
                answer = await client.get(f"{desk.base}/{name}")
                may = name in LISTS or role != "front_desk"
                assert answer.status_code == (200 if may else 403), (role, name, answer.text)


async def test_nobody_else_learns_anything(desk: Desk) -> None:
    for name in (*REPORTS, "weather"):
        async with desk.service.client() as anybody:
            assert problem(await anybody.get(f"{desk.base}/{name}")) == (401, "not_signed_in")
        elsewhere = await open_hotel(desk.client, "Elsewhere")
        async with desk.service.staff(elsewhere, "manager") as stranger:
            assert problem(await stranger.get(f"{desk.base}/{name}")) == (403, "not_permitted")


# ---------------------------------------------------------------- how many statements


@pytest.mark.parametrize("name", list(REPORTS))
async def test_many_rows_take_as_many_statements_as_few(desk: Desk, name: str) -> None:
    async def statements(**when: str) -> int:
        params = {"from": arrival(-30), "to": arrival(30)} | when
        with counted(desk.service) as found:
            answer = await desk.get(name, params=params)
        assert answer.status_code == 200, answer.text
        return len(found)

    async def both() -> tuple[int, int]:
        return await statements(), await statements(as_of=datetime.now(UTC).isoformat())

    few = await both()
    for number in range(8):
        booking = await desk.book(begins_in=number, rooms=[{"room_type": "DBL", "adults": 2}] * 3)
        if number % 2:
            await desk.cancel(booking)
    await desk.project()
    assert await both() == few
    assert few[0] <= few[1] <= 5
