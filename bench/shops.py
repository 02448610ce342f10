"""Hotels of many cities with their bookings, for the search: written in bulk into the read tables of a database.

From a seed, by the database itself, since 730 nights of some thousand room types are millions of rows: the same seed,
sizes and day give the same rows. They agree with one another as folds would make them (what is sold of a night is
the number of booking nights that claim it, and never more than its rooms), which `check` holds; there is no ledger.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncpg

SEED = 2025
HOTELS_OF_A_CITY = 20
TYPES = 4


@dataclass(frozen=True, slots=True)
class Shops:
    """How many hotels there are, over how many nights, and how many bookings they have."""

    hotels: int
    nights: int
    bookings: int

    @property
    def cities(self) -> list[str]:
        """The names of the cities, each of `HOTELS_OF_A_CITY` hotels."""
        return [f"City {number:03}" for number in range(-(-self.hotels // HOTELS_OF_A_CITY))]


_HOTELS = """
insert into read.hotel
select pg_temp.id('hotel', n),
       'Hotel ' || translate(substr(md5(n::text), 1, 6), '0123456789', 'ghijklmnop') || ' ' || n,
       'City ' || lpad((n / $2::integer)::text, 3, '0'), 'PT', 'Europe/Lisbon', 'EUR', 'BNCH', '04:00',
       $3::integer, $4::date + $3::integer, 5, now(), now()
  from generate_series(0, $1::integer - 1) n
"""
_CHECKPOINTS = """
insert into read.checkpoint (hotel_id, seq, events_applied, recorded_at) select hotel_id, 5, 5, now() from read.hotel
"""
_TYPES = """
insert into read.room_type
select pg_temp.id('hotel', n), kind.code, pg_temp.id(kind.code, n), kind.name, kind.adults, kind.children,
       kind.price + pg_temp.chance('price' || n, 40), kind.rooms, 0, 1
  from generate_series(0, $1::integer - 1) n
 cross join (values ('SGL', 'Single', 1, 0, 79, 3), ('DBL', 'Double', 2, 1, 119, 6),
                    ('FAM', 'Family room', 3, 3, 169, 3), ('STE', 'Suite', 4, 2, 259, 2)
      ) kind (code, name, adults, children, price, rooms)
"""
# More arrive soon than late; a booking for which a room would be missing in any of its nights is left out.
_CANDIDATES = """
create temporary table wanted as
select n, pg_temp.id('hotel', pg_temp.chance('h' || n, $2::integer)) as hotel_id,
       (array['SGL', 'DBL', 'DBL', 'DBL', 'FAM', 'STE'])[1 + pg_temp.chance('t' || n, 6)] as room_type,
       $4::date + floor(($3::integer - 8) * power(pg_temp.chance('a' || n, 100000) / 100000.0, 3))::integer as arrival,
       1 + pg_temp.chance('l' || n, 5) as length, pg_temp.chance('s' || n, 100) as fate
  from generate_series(1, $1::integer * 27 / 20) n
"""
_BOOKED = """
create temporary table booked as
with claims as (
    select w.n, row_number() over (partition by w.hotel_id, w.room_type, w.arrival + i order by w.n) as place,
           t.room_count
      from wanted w
      join read.room_type t on t.hotel_id = w.hotel_id and t.code = w.room_type
     cross join generate_series(0, w.length - 1) i
)
select w.*, pg_temp.id('booking', w.n) as booking_id, pg_temp.id('guest', w.n) as guest_id,
       case when fate < 3 then 'held' else 'confirmed' end as state
  from wanted w
 where not exists (select from claims c where c.n = w.n and c.place > c.room_count)
 order by w.n limit $1::integer
"""
_NIGHTS = """
insert into read.night
select t.hotel_id, $2::date + i, t.code, t.room_count, 0, count(b.*) filter (where b.state = 'confirmed'),
       count(b.*) filter (where b.state = 'held'),
       round(t.base_price * (case when extract(isodow from $2::date + i) in (5, 6) then 1.2 else 1 end), 2),
       pg_temp.chance('x' || t.room_type_id || i, 100) < 2,
       case when extract(isodow from $2::date + i) = 5 and t.code = 'DBL' then 2 else 1 end,
       pg_temp.chance('ca' || t.room_type_id || i, 100) < 2, pg_temp.chance('cd' || t.room_type_id || i, 100) < 2
  from read.room_type t
 cross join generate_series(0, $1::integer - 1) i
  left join (select b.hotel_id, b.room_type, b.state, b.arrival + j as night
               from booked b cross join generate_series(0, b.length - 1) j) b
    on b.hotel_id = t.hotel_id and b.room_type = t.code and b.night = $2::date + i
 group by t.hotel_id, t.code, t.room_type_id, t.room_count, t.base_price, i
 order by t.hotel_id, t.code, i
"""
_BOOKING_NIGHTS = """
insert into read.booking_night
select b.hotel_id, b.booking_id, 1, n.night, b.room_type, n.price, case b.state when 'held' then 'held' else 'sold' end
  from booked b
 cross join generate_series(0, b.length - 1) i
  join read.night n on n.hotel_id = b.hotel_id and n.room_type = b.room_type and n.night = b.arrival + i
"""
# Some holds are past its deadline: its rooms are free, though nobody has recorded that yet.
_BOOKINGS = """
with priced as (select booking_id, sum(price) as total from read.booking_night group by booking_id),
made as (
    insert into read.booking
    select b.hotel_id, b.booking_id, 'BNCH-' || lpad(b.n::text, 8, '0'), b.state, 1, 6, 'EUR', 'BAR', b.guest_id, null,
           b.arrival, b.arrival + b.length, p.total, 'web', null, null, null, null, null, null, null, '{}',
           case when b.state = 'held'
                then now() + case when b.n % 20 = 0 then interval '-1 hour' else interval '1 day' end end,
           now(), now()
      from booked b join priced p using (booking_id)
)
insert into read.booking_line
select b.hotel_id, b.booking_id, 1, b.room_type, 1, '{}', b.guest_id, b.arrival, b.arrival + b.length, b.state, p.total,
       null
  from booked b join priced p using (booking_id)
"""
_GUESTS = """
insert into read.guest
select hotel_id, guest_id, 'Guest ' || n, 'guest' || n || '@example.org', null, 'en', false from booked
"""
_FUNCTIONS = """
create function pg_temp.chance(word text, below integer) returns integer immutable parallel safe language sql as
$$ select ((hashtextextended(word, {seed}) & 9223372036854775807) % below)::integer $$;
create function pg_temp.id(kind text, number integer) returns uuid immutable parallel safe language sql as
$$ select md5({seed} || kind || number)::uuid $$
"""
_WRONG = """
select count(*)
  from read.night n
  left join (select hotel_id, room_type, night, count(*) filter (where claim = 'sold') as sold,
                    count(*) filter (where claim = 'held') as held
               from read.booking_night group by hotel_id, room_type, night) c using (hotel_id, room_type, night)
 where (n.sold, n.held) is distinct from (coalesce(c.sold, 0), coalesce(c.held, 0)) or n.sold + n.held > n.in_service
"""


async def fill(admin: "asyncpg.Connection[Any]", shops: Shops, seed: int = SEED) -> None:
    """Write the rows, as the superuser of an empty scratch database. Raises RuntimeError where they don't agree."""
    today = datetime.now(UTC).date() - timedelta(days=1)
    async with admin.transaction():
        await admin.execute(_FUNCTIONS.format(seed=seed))
        await admin.execute(_HOTELS, shops.hotels, HOTELS_OF_A_CITY, shops.nights, today)
        await admin.execute(_CHECKPOINTS)
        await admin.execute(_TYPES, shops.hotels)
        await admin.execute(_CANDIDATES, shops.bookings, shops.hotels, shops.nights, today)
        await admin.execute("analyze wanted")
        await admin.execute(_BOOKED, shops.bookings)
        await admin.execute("analyze booked")
        await admin.execute(_NIGHTS, shops.nights, today)
        await admin.execute(_BOOKING_NIGHTS)
        await admin.execute(_BOOKINGS)
        await admin.execute(_GUESTS)
    await admin.execute("vacuum (analyze)")
    await check(admin)


async def check(admin: "asyncpg.Connection[Any]") -> None:
    """Hold nights against what claims them. Raises RuntimeError."""
    wrong = await admin.fetchval(_WRONG)
    if wrong:
        raise RuntimeError(f"{wrong} nights don't agree with the bookings that claim them")
