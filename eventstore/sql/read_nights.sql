-- The stock of some nights: $1 hotels, $2 room types, $3 dates, triple by triple.
-- Locks nothing; the caller holds the heads' locks, without which nobody writes a night.
select n.hotel_id, n.room_type, n.night, n.in_service, n.allowance, n.sold, n.held, n.price, n.stop_sell, n.minimum_stay,
       n.closed_to_arrival, n.closed_to_departure
  from unnest($1::uuid[], $2::text[], $3::date[]) as k (hotel_id, room_type, night)
 cross join lateral (
           select * from ledger.night
            where hotel_id = k.hotel_id and room_type = k.room_type and night = k.night
           offset 0 -- one look-up a night, in whatever state of the table this was planned
       ) as n
