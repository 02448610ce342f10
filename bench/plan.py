"""What the suite reports, what it is held against, and how much of everything it does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bench.figures import Target

type Figures = Mapping[str, float]
"""By the name of a metric."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that the suite reports."""

    unit: str
    what: str


METRICS: dict[str, Metric] = {
    "bare insert": Metric("rows/s", "pgbench, 16 clients, one row a transaction, columns and keys of ledger.event"),
    "append, spread": Metric("bookings/s", "64 in flight over 100 hotels of 10 room types"),
    "append, one hotel": Metric("bookings/s", "64 in flight over 1,000 room types of one hotel"),
    "append, hot": Metric("bookings/s", "64 in flight on one room type of one hotel"),
    "HTTP": Metric("bookings/s", "64 in flight, keep-alive, one API process, over 100 hotels of 10 room types"),
    "HTTP, hot": Metric("bookings/s", "the same on one room type of one hotel"),
    "HTTP, no database": Metric("bookings/s", "the same route, decided against stock in memory"),
    "bare Starlette": Metric("answers/s", "reads the body, answers a constant of the same size"),
    "HTTP at half rate, p50": Metric("ms", "response time at half of the rate above, from the intended start"),
    "HTTP at half rate, p99": Metric("ms", "the same"),
    "import": Metric("rows/s", "a slice of the real history, each row booked and ended, into a new database"),
    "lag, response p50": Metric("ms", "response time while 300 bookings a second arrive over HTTP"),
    "lag, p50": Metric("ms", "from the answer until the booking shows in the read tables, in the same run"),
    "lag, p99": Metric("ms", "the same"),
    "bare Starlette at 20, p50": Metric("ms", "20 in flight: reads the body, answers a constant"),
    "search, p50": Metric("ms", "20 in flight: 3 nights in a city of 20 hotels, among 500 hotels, nothing kept"),
    "search, p99": Metric("ms", "the same"),
    "search, ten times the hotels, p50": Metric("ms", "the same among 5,000 hotels"),
    "search, ten times the hotels, p99": Metric("ms", "the same"),
    "search by price, p50": Metric("ms", "the same among 500 hotels, the cheapest first"),
    "search by price, p99": Metric("ms", "the same"),
    "audit, COPY": Metric("events/s", "COPY of the imported history's events to the client, through SHA-256"),
    "audit, file": Metric("events/s", "check of an audit file of the same events, one process"),
    "audit, live": Metric("events/s", "check of the same events in the database"),
}

TARGETS: tuple[Target, ...] = (
    Target(
        name="append spread / bare insert", above="append, spread", below="bare insert", sense="at least", bound=0.5
    ),
    Target(
        name="append one hotel / bare insert",
        above="append, one hotel",
        below="bare insert",
        sense="at least",
        bound=0.5,
    ),
    Target(name="append hot / spread", above="append, hot", below="append, spread", sense="at least", bound=1.0),
    Target(name="HTTP / no database", above="HTTP", below="HTTP, no database", sense="at least", bound=0.7),
    Target(
        name="no database / bare Starlette",
        above="HTTP, no database",
        below="bare Starlette",
        sense="at least",
        bound=0.4,
        orientation=True,
    ),
    Target(
        name="HTTP at half rate, p99 / p50",
        above="HTTP at half rate, p99",
        below="HTTP at half rate, p50",
        sense="at most",
        bound=5,
        orientation=True,
    ),
    Target(name="import", above="import", below=None, sense="at least", bound=1000, orientation=True),
    Target(name="lag p50 / response p50", above="lag, p50", below="lag, response p50", sense="at most", bound=3),
    Target(name="audit file / COPY", above="audit, file", below="audit, COPY", sense="at least", bound=0.5),
    Target(name="lag p99 / response p50", above="lag, p99", below="lag, response p50", sense="at most", bound=20),
    Target(
        name="search p50 / bare Starlette p50",
        above="search, p50",
        below="bare Starlette at 20, p50",
        sense="at most",
        bound=10,
    ),
    Target(
        name="search p99 / bare Starlette p50",
        above="search, p99",
        below="bare Starlette at 20, p50",
        sense="at most",
        bound=40,
    ),
    Target(
        name="search among ten times the hotels, p50 / p50",
        above="search, ten times the hotels, p50",
        below="search, p50",
        sense="at most",
        bound=1.5,
    ),
    Target(name="search, p99", above="search, p99", below=None, sense="at most", bound=50, orientation=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything."""

    seconds: float
    seconds_of_lag: float
    imported_rows: int
    audited_rows: int
    hotels: int = 100
    hotels_projected: int = 20
    types: int = 10
    types_of_one_hotel: int = 1000
    rooms: int = 60
    hot_rooms: int = 100_000
    arrival_days: int = 300
    hot_arrival_days: int = 14
    shops: int = 500
    shop_nights: int = 730
    shop_bookings: int = 300_000
    warm_up: bool = True

    @property
    def horizon_days(self) -> int:
        """So far that every stay ends within it."""
        return self.arrival_days + 10


FULL = Size(seconds=4, seconds_of_lag=6, imported_rows=6000, audited_rows=119_390)
QUICK = Size(
    seconds=1.5,
    seconds_of_lag=3,
    imported_rows=1500,
    audited_rows=6000,
    types_of_one_hotel=200,
    arrival_days=60,
    rooms=200,
    shops=100,
    shop_nights=200,
    shop_bookings=20_000,
)
SMALLEST = Size(
    seconds=1,
    seconds_of_lag=1,
    imported_rows=60,
    audited_rows=60,
    hotels_projected=2,
    hotels=2,
    types=2,
    types_of_one_hotel=3,
    rooms=2000,
    hot_rooms=20_000,
    arrival_days=20,
    shops=4,
    shop_nights=40,
    shop_bookings=50,
    warm_up=False,
)
"""Only to see that the suite runs."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something to run once a round."""

    group: str
    run: Callable[[int], Awaitable[Figures]]
    """Takes the number of the round."""
