"""The calendar entry of a stay (RFC 5545): whole days, one entry per booking, newer versions replace older ones."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the entry says. `version` is the booking's; `changed_at` the instant of its event."""

    booking_id: UUID
    version: int
    changed_at: datetime
    arrival: date
    departure: date
    title: str
    place: str
    description: str
    organiser: str
    is_cancelled: bool

    @property
    def method(self) -> str:
        """What a calendar is asked to do with it."""
        return "CANCEL" if self.is_cancelled else "PUBLISH"


def as_ics(entry: Entry) -> bytes:
    """The entry as the bytes of an .ics file. The same entry gives the same bytes."""
    event = Event()
    event.add("uid", f"{entry.booking_id}@staysync")
    event.add("sequence", entry.version)
    event.add("dtstamp", entry.changed_at)
    event.add("dtstart", entry.arrival)
    if entry.departure > entry.arrival:  # a day use ends on the day on which it begins, which needs no end
        event.add("dtend", entry.departure)
    event.add("summary", entry.title)
    event.add("location", entry.place)
    event.add("description", entry.description)
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("organizer", vCalAddress(f"mailto:{entry.organiser}"))
    calendar = Calendar()
    calendar.add("prodid", "-//StaySync//Mail//EN")
    calendar.add("version", "2.0")
    calendar.add("method", entry.method)
    calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written
