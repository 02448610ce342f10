-- The stock of some nights: $1 hotels, $2 room types, $3 dates, triple by triple.
-- Locks nothing; the caller holds the heads' locks, without which nobody writes a night.
select n.hotel_id, n.room_type, n.night, n.in_service, n.allowance, n.sold, n.held, n.price
  from unnest($1::uuid[], $2::text[], $3::date[]) as k (hotel_id, room_type, night)
  join ledger.night n on n.hotel_id = k.hotel_id and n.room_type = k.room_type and n.night = k.night
