-- New nights of a room type: $1 hotel, $2 room type, $3 first, $4 until (exclusive), $5 rooms in service, $6 price.
-- Fails if one exists. The caller holds the head's lock.
insert into ledger.night (hotel_id, room_type, night, in_service, price)
select $1, $2, $3::date + day, $5, $6
  from generate_series(0, $4::date - $3::date - 1) as day
