-- More rooms in service: $1 hotel, $2 room type, $3 first, $4 until (exclusive), $5 how many more.
-- The caller holds the head's lock.
update ledger.night
   set in_service = in_service + $5
 where hotel_id = $1 and room_type = $2 and night >= $3 and night < $4
