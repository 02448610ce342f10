"""How mails speak: which language somebody reads, and dates, money, numbers of nights and people in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency

from domain.calendar import zone

LANGUAGES = ("en", "ru")
"""The languages that there are texts in; whoever reads neither gets the first."""

_LABELS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "reference": "Booking",
            "arrival": "Arrival",
            "departure": "Departure",
            "nights": "Nights",
            "rooms": "Rooms",
            "total": "Total",
            "cancelled": "cancelled",
            "greeting": "Dear {name},",
            "signature": "This mail was sent by {hotel}. Please don’t reply to it.",
            "group": "StaySync",
            "attached": "The stay is attached as an entry for your calendar.",
        },
        "ru": {
            "reference": "Бронирование",
            "arrival": "Заезд",
            "departure": "Выезд",
            "nights": "Ночей",
            "rooms": "Номера",
            "total": "Итого",
            "cancelled": "отменён",
            "greeting": "Здравствуйте, {name}!",
            "signature": "Письмо отправлено отелем «{hotel}». Пожалуйста, не отвечайте на него.",
            "group": "StaySync",
            "attached": "К письму приложена запись для вашего календаря.",
        },
    }
)
# By CLDR's categories of plural.
_COUNTED: Mapping[str, Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "adults": {"one": "{n} adult", "other": "{n} adults"},
            "children": {"one": "{n} child", "other": "{n} children"},
            "nights": {"one": "{n} night", "other": "{n} nights"},
        },
        "ru": {
            "adults": {"one": "{n} взрослый", "few": "{n} взрослых", "many": "{n} взрослых", "other": "{n} взрослых"},
            "children": {"one": "{n} ребёнок", "few": "{n} ребёнка", "many": "{n} детей", "other": "{n} ребёнка"},
            "nights": {"one": "{n} ночь", "few": "{n} ночи", "many": "{n} ночей", "other": "{n} ночи"},
        },
    }
)


@dataclass(frozen=True, slots=True)
class Wording:
    """A language that there are texts in, and the ways of its reader's country."""

    language: str
    locale: Locale

    def label(self, name: str) -> str:
        """A word of the frame of all mails."""
        return _LABELS[self.language][name]

    def counted(self, what: str, number: int) -> str:
        """So many adults, children or nights."""
        forms = _COUNTED[self.language][what]
        return forms.get(self.locale.plural_form(number), forms["other"]).format(n=number)

    def day(self, day: date) -> str:
        """A date with its weekday."""
        return format_date(day, "full", locale=self.locale)

    def instant(self, at: datetime, timezone: str) -> str:
        """An instant as the clocks in a time zone show it."""
        return format_datetime(at, "long", tzinfo=zone(timezone), locale=self.locale)

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with its currency."""
        return format_currency(amount, currency, locale=self.locale)


def wording_for(tag: str | None) -> Wording:
    """The wording for who reads a language, given as a tag such as ru or en-GB; English where there are no texts."""
    language = (tag or "").partition("-")[0].lower()
    if language not in LANGUAGES:
        return Wording(LANGUAGES[0], Locale(LANGUAGES[0]))
    try:
        return Wording(language, Locale.parse(tag or language, sep="-"))
    except (ValueError, UnknownLocaleError):  # a country or script that nobody has heard of
        return Wording(language, Locale(language))
