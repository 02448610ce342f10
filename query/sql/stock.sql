-- What some hotels can sell on the dates from $1 to $2, both included: a row for each hotel, chosen by one of the
-- statements hotels_*.sql, with arrays of its room types by code, of its nights by date and room type, and of rooms
-- held past their deadline. Nights are counted from $1, prices in thousandths. Where every room type has every night,
-- which is the rule, the nights' own room types and dates follow from the order and are left out.
-- Each hotel is read by its keys, so hotels elsewhere cost nothing; a single statement, hence of one moment, and it
-- locks nothing.
with chosen as materialized (
{hotels}
)
select c.hotel_id, c.name, c.city, c.country, c.currency, c.timezone, c.business_day_rolls_at, c.bookable_until,
       t.codes, t.names, t.max_adults, t.max_children,
       case when n.is_whole then null else n.room_types end as room_types,
       case when n.is_whole then null else n.nights end as nights,
       n.free, n.prices, n.rules, d.room_types as due_room_types, d.nights as due_nights
  from chosen c
 cross join lateral (
       select array_agg(r.code order by r.code) as codes, array_agg(r.name order by r.code) as names,
              array_agg(r.max_adults order by r.code) as max_adults,
              array_agg(r.max_children order by r.code) as max_children
         from read.room_type r
        where r.hotel_id = c.hotel_id
      ) t
 cross join lateral (
       select array_agg(s.room_type order by s.night, s.room_type) as room_types,
              array_agg(s.night - $1::date order by s.night, s.room_type) as nights,
              array_agg(s.in_service + s.allowance - s.sold - s.held order by s.night, s.room_type) as free,
              array_agg((s.price * 1000)::bigint order by s.night, s.room_type) as prices,
              array_agg(s.stop_sell::integer + 2 * s.closed_to_arrival::integer + 4 * s.closed_to_departure::integer
                        + 8 * s.minimum_stay order by s.night, s.room_type) as rules,
              count(*) = cardinality(t.codes) * ($2::date - $1::date + 1) as is_whole
         from read.night s
        where s.hotel_id = c.hotel_id and s.night between $1::date and $2::date
      ) n
 cross join lateral (
       select array_agg(bn.room_type) as room_types, array_agg(bn.night - $1::date) as nights
         from read.booking b
         join read.booking_night bn on bn.hotel_id = b.hotel_id and bn.booking_id = b.booking_id
        where b.hotel_id = c.hotel_id and b.hold_until <= now() and b.departure >= $1::date and b.arrival <= $2::date
          and bn.claim = 'held' and bn.night between $1::date and $2::date
      ) d
 order by c.name, c.hotel_id
