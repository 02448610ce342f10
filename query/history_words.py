"""What an event says to people, in English and in Russian: one sentence for each, with its facts and nobody's data.

A sentence names an event's fields in braces. Its second part, if any, is for the hotel alone: a guest isn't told it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from string import Formatter
from typing import Any, Literal, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.bookings import (
    AllowanceUse,
    BookedLine,
    ChangedLine,
    DescribedLineGuest,
    DescribedPerson,
    RoomAssignment,
    RoomRelease,
)
from domain.events import Event
from domain.values import Sealed, Statistics

type Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, ...] = get_args(Language.__value__)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in both languages, and what is added to it for the hotel."""

    en: str
    ru: str
    inside_en: str = ""
    inside_ru: str = ""

    def of(self, language: Language, *, inside: bool) -> str:
        """The text with its braces."""
        said, added = (self.ru, self.inside_ru) if language == "ru" else (self.en, self.inside_en)
        return f"{said} {added}" if inside and added else said


_BOOKED_INSIDE = (
    "Rate plan {rate_plan}; {statistics}; flags: {flags}; sold beyond the rooms: {allowance_used}.",
    "Тариф {rate_plan}; {statistics}; отметки: {flags}; продано сверх номеров: {allowance_used}.",
)
_BEYOND = ("Sold beyond the rooms: {allowance_used}.", "Продано сверх номеров: {allowance_used}.")

SENTENCES: Mapping[str, Sentence] = {
    "HotelOpened": Sentence(
        "Hotel {name} opened in {city}, {country}: time zone {timezone}, currency {currency}, references"
        " {reference_prefix}, business day from {business_day_rolls_at}, bookable for {bookable_horizon_days} days,"
        " until {bookable_until}.",
        "Открыт отель {name}, {city}, {country}: часовой пояс {timezone}, валюта {currency}, номера броней"
        " {reference_prefix}, рабочий день с {business_day_rolls_at}, бронирование на {bookable_horizon_days} дн."
        " вперёд, до {bookable_until}.",
    ),
    "HotelDetailsChanged": Sentence(
        "The hotel's details changed: name {name}, city {city}, country {country}, time zone {timezone}.",
        "Изменены данные отеля: название {name}, город {city}, страна {country}, часовой пояс {timezone}.",
    ),
    "RoomTypeAdded": Sentence(
        "Room type {code} ({name}) is on sale from {on_sale_from} until {bookable_until} at {base_price}: up to"
        " {max_adults} adults and {max_children} children, rooms {rooms}.",
        "Тип номера {code} ({name}) в продаже с {on_sale_from} до {bookable_until} по {base_price}: взрослых до"
        " {max_adults}, детей до {max_children}, номера {rooms}.",
        "Its id is {room_type_id}.",
        "Его идентификатор {room_type_id}.",
    ),
    "RoomsAdded": Sentence(
        "Rooms {rooms} of type {room_type} are in service from {in_service_from} until {bookable_until}.",
        "Номера {rooms} типа {room_type} в продаже с {in_service_from} до {bookable_until}.",
    ),
    "HorizonExtended": Sentence(
        "Nights from {bookable_from} until {bookable_until} can be booked now.",
        "Теперь можно бронировать ночи с {bookable_from} до {bookable_until}.",
    ),
    "RoomFeaturesSet": Sentence(
        "Room {room} offers: {features}.",
        "Номер {room} предлагает: {features}.",
    ),
    "RoomTakenOutOfOrder": Sentence(
        "Room {room} ({room_type}) is out of order from {first} until {until}; allowance raised on:"
        " {allowance_raised_on}. The reason is sealed: {reason}.",
        "Номер {room} ({room_type}) не работает с {first} до {until}; квота сверх номеров увеличена на:"
        " {allowance_raised_on}. Причина зашифрована: {reason}.",
    ),
    "RoomReturnedToService": Sentence(
        "Room {room} ({room_type}) is back in service from {first}, for the nights {nights}; allowance lowered on:"
        " {allowance_lowered_on}.",
        "Номер {room} ({room_type}) снова в работе с {first}, ночи: {nights}; квота сверх номеров уменьшена на:"
        " {allowance_lowered_on}.",
    ),
    "PricesSet": Sentence(
        "Nights of {room_type} from {first} until {until}, weekdays {weekdays}, cost {price}.",
        "Ночи {room_type} с {first} до {until}, дни недели {weekdays}, стоят {price}.",
    ),
    "RestrictionsSet": Sentence(
        "Nights of {room_type} from {first} until {until}, weekdays {weekdays}: stop-sell {stop_sell}, minimum stay"
        " {minimum_stay}, closed to arrival {closed_to_arrival}, closed to departure {closed_to_departure}.",
        "Ночи {room_type} с {first} до {until}, дни недели {weekdays}: продажа закрыта {stop_sell}, минимум ночей"
        " {minimum_stay}, заезд закрыт {closed_to_arrival}, выезд закрыт {closed_to_departure}.",
    ),
    "AllowanceSet": Sentence(
        "Nights of {room_type} from {first} until {until}, weekdays {weekdays}, may be sold {allowance} beyond the"
        " rooms. The reason is sealed: {reason}.",
        "Ночи {room_type} с {first} до {until}, дни недели {weekdays}: можно продать сверх номеров {allowance}."
        " Причина зашифрована: {reason}.",
    ),
    "BookingHeld": Sentence(
        "Booking {reference} held until {hold_until} in {currency}: {lines}. Guest {guest}, booker {booker}.",
        "Бронь {reference} удерживается до {hold_until}, валюта {currency}: {lines}. Гость {guest}, заказчик {booker}.",
        *_BOOKED_INSIDE,
    ),
    "BookingMade": Sentence(
        "Booking {reference} made in {currency}: {lines}. Guest {guest}, booker {booker}.",
        "Оформлена бронь {reference}, валюта {currency}: {lines}. Гость {guest}, заказчик {booker}.",
        *_BOOKED_INSIDE,
    ),
    "BookingConfirmed": Sentence("Confirmed: lines {lines}.", "Подтверждены строки {lines}."),
    "LinesCancelled": Sentence(
        "Cancelled: lines {lines}; reason: {reason}; note: {note}.",
        "Отменены строки {lines}; причина: {reason}; заметка: {note}.",
    ),
    "BookingExpired": Sentence(
        "The hold of lines {lines} ended without a confirmation.",
        "Удержание строк {lines} истекло без подтверждения.",
    ),
    "GuestsCheckedIn": Sentence("Guests of lines {lines} arrived.", "Гости строк {lines} заехали."),
    "GuestsCheckedOut": Sentence(
        "Guests of lines {lines} left on {departed_on}.",
        "Гости строк {lines} выехали {departed_on}.",
    ),
    "NoShowRecorded": Sentence("Guests of lines {lines} didn't come.", "Гости строк {lines} не приехали."),
    "BookingChanged": Sentence(
        "The booking changed: {lines}; cancelled lines: {cancelled}.",
        "Бронь изменена: {lines}; отменены строки: {cancelled}.",
        *_BEYOND,
    ),
    "GuestsDescribed": Sentence(
        "Details changed: guest {guest}; booker {booker}; lines {lines}.",
        "Изменены данные: гость {guest}; заказчик {booker}; строки {lines}.",
    ),
    "RoomsAssigned": Sentence(
        "Rooms given: {assignments}.",
        "Назначены номера: {assignments}.",
        "By the rule: {automatic}; swapped with booking: {swapped_with}; sold beyond the rooms: {allowance_used}.",
        "Автоматически: {automatic}; обмен с бронью: {swapped_with}; продано сверх номеров: {allowance_used}.",
    ),
    "RoomsReleased": Sentence("Rooms given back: {releases}.", "Номера освобождены: {releases}.", *_BEYOND),
    "GuestsWalked": Sentence(
        "Guests of lines {lines} were sent to another hotel.",
        "Гости строк {lines} переселены в другой отель.",
        "Cost to the hotel: {cost}; where to is sealed: {sent_to}.",
        "Стоимость для отеля: {cost}; куда — зашифровано: {sent_to}.",
    ),
    "GuestsErased": Sentence(
        "What was known of the guests is gone for good: {guests}.",
        "Данные гостей уничтожены безвозвратно: {guests}.",
    ),
}
"""By event type. A test holds that each event has one, and that each tells every field."""

_NOTHING = "—"
_YES_NO: Mapping[Language, tuple[str, str]] = {"en": ("no", "yes"), "ru": ("нет", "да")}
_ROLES: Mapping[str, tuple[str, str]] = {
    "anonymous": ("someone without an account", "кто-то без учётной записи"),
    "guest": ("a guest", "гость"),
    "front_desk": ("the front desk", "стойка регистрации"),
    "revenue_manager": ("a revenue manager", "менеджер по доходам"),
    "manager": ("a manager", "управляющий"),
    "auditor": ("an auditor", "аудитор"),
    "administrator": ("an administrator", "администратор"),
    "system": ("the system", "система"),
}
_STATES: Mapping[str, tuple[str, str]] = {
    "held": ("held", "удерживается"),
    "confirmed": ("confirmed", "подтверждено"),
    "checked_in": ("checked in", "гости заехали"),
    "checked_out": ("checked out", "гости выехали"),
    "cancelled": ("cancelled", "отменено"),
    "no_show": ("no-show", "не приехали"),
    "expired": ("expired", "истекло"),
}
_FIELDS: Mapping[str, tuple[str, str]] = {
    "line": ("line", "строка"),
    "lines": ("line", "строка"),
    "state": ("state", "состояние"),
    "total": ("total", "сумма"),
    "arrival": ("arrival", "заезд"),
    "departure": ("departure", "выезд"),
    "room_type": ("room type", "тип номера"),
    "room_types": ("room type", "тип номера"),
    "rooms": ("rooms", "номера"),
    "adults": ("adults", "взрослые"),
    "child_ages": ("ages of children", "возраст детей"),
    "guest": ("guest", "гость"),
    "guest_id": ("guest", "гость"),
    "booker": ("booker", "заказчик"),
    "booker_id": ("booker", "заказчик"),
    "hold_until": ("held until", "удерживается до"),
    "full_name": ("name", "имя"),
    "email": ("e-mail", "электронная почта"),
    "phone": ("phone", "телефон"),
    "language": ("language", "язык"),
    "name": ("name", "название"),
    "city": ("city", "город"),
    "country": ("country", "страна"),
    "timezone": ("time zone", "часовой пояс"),
    "bookable_until": ("bookable until", "бронирование до"),
    "features": ("offers", "предлагает"),
    "out_of_order": ("out of order", "не работает"),
    "price": ("price", "цена"),
    "allowance": ("allowance", "квота сверх номеров"),
    "stop_sell": ("stop-sell", "продажа закрыта"),
    "minimum_stay": ("minimum stay", "минимум ночей"),
    "closed_to_arrival": ("closed to arrival", "заезд закрыт"),
    "closed_to_departure": ("closed to departure", "выезд закрыт"),
}


def sentence(event: Event, language: Language, *, inside: bool) -> str:
    """What happened. `inside` is for who works at the hotel. Raises KeyError for an event without a sentence."""
    template = SENTENCES[type(event).__name__].of(language, inside=inside)
    names = {name for _, name, _, _ in Formatter().parse(template) if name}
    return template.format(**{name: _said(getattr(event, name), language) for name in names})


def unreadable(event_type: str, language: Language) -> str:
    """What there is to say of an event that a newer build wrote."""
    return {
        "en": f"{event_type}: written by a newer build, this one can't tell more.",
        "ru": f"{event_type}: записано более новой сборкой, эта не может сказать больше.",
    }[language]


def role_said(role: str | None, language: Language) -> str:
    """A role in words; one that isn't known as it is."""
    return _in(_ROLES, role or "", language) or _NOTHING


def field_said(name: str, language: Language) -> str:
    """A field of a change, such as `lines/1/arrival`, in words."""
    return " ".join(_in(_FIELDS, part, language) for part in name.split("/"))


def local(instant: datetime, timezone: str) -> str:
    """An instant in the hotel's time, to the second, with its distance from UTC."""
    return instant.astimezone(ZoneInfo(timezone)).isoformat(sep=" ", timespec="seconds")


def value_said(field: str, value: Any, language: Language) -> str:
    """A value of a change of this field in words."""
    if field.rpartition("/")[2] == "state":
        return _in(_STATES, value or "", language) or _NOTHING
    return _said(value, language)


def _in(words: Mapping[str, tuple[str, str]], key: str, language: Language) -> str:
    return words[key][LANGUAGES.index(language)] if key in words else key


def _said(value: Any, language: Language) -> str:
    if isinstance(value, bool):
        return _YES_NO[language][value]
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if value is None or value in ("", (), []):
        return _NOTHING
    if isinstance(value, tuple | list):
        return _several(value, language)
    if isinstance(value, dict):
        return " ".join(_said(part, language) for part in value.values())
    told = _TOLD.get(type(value))
    return str(value) if told is None else told(value, language)


def _several(values: Sequence[Any], language: Language) -> str:
    separator = ", " if isinstance(values[0], str | int | date | None) else "; "
    return separator.join(_said(value, language) for value in values)


def _line(line: BookedLine | ChangedLine, language: Language) -> str:
    words = {
        "en": "line {0.line}: {0.room_type}, {0.adults} adults, {1} children, {0.arrival} to {0.departure}, prices {2}",
        "ru": "строка {0.line}: {0.room_type}, взрослых {0.adults}, детей {1}, {0.arrival} – {0.departure}, цены {2}",
    }
    return words[language].format(line, len(line.child_ages), _said(line.prices, language))


def _assignment(given: RoomAssignment, language: Language) -> str:
    words = {
        "en": "line {0.line}: room {0.room} ({0.room_type}), {0.first} to {0.until}",
        "ru": "строка {0.line}: номер {0.room} ({0.room_type}), {0.first} – {0.until}",
    }
    return words[language].format(given)


def _release(release: RoomRelease, language: Language) -> str:
    words = {"en": "line {0.line} from {0.first}", "ru": "строка {0.line} с {0.first}"}
    return words[language].format(release)


def _person(person: DescribedPerson, language: Language) -> str:
    return f"{person.details.guest_id} ({', '.join(_in(_FIELDS, name, language) for name in person.changed)})"


def _line_guest(described: DescribedLineGuest, language: Language) -> str:
    return f"{described.line}: {_person(described.guest, language)}"


def _statistics(statistics: Statistics, language: Language) -> str:
    del language
    known = {name: getattr(statistics, name) for name in Statistics.__dataclass_fields__}
    return ", ".join(f"{name} {value}" for name, value in known.items() if value) or _NOTHING


_TOLD: Mapping[type, Callable[[Any, Language], str]] = {
    Sealed: lambda sealed, _: str(sealed.guest_id),
    UUID: lambda value, _: str(value),
    Decimal: lambda value, _: f"{value:f}",
    AllowanceUse: lambda use, _: f"{use.room_type} {use.date}",
    BookedLine: _line,
    ChangedLine: _line,
    RoomAssignment: _assignment,
    RoomRelease: _release,
    DescribedPerson: _person,
    DescribedLineGuest: _line_guest,
    Statistics: _statistics,
}
"""How values that aren't said as they are written are said. Whatever is sealed is only the id of whose it is."""
