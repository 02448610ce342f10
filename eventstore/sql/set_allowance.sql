-- Another allowance for nights: $1 hotel, $2 room type, $3 first, $4 until (exclusive), $5 ISO weekdays, $6 allowance.
-- Fails on the constraint night_not_oversold where more is sold than would be left. The caller holds the head's lock.
update ledger.night
   set allowance = $6
 where hotel_id = $1 and room_type = $2 and night >= $3 and night < $4
   and extract(isodow from night) = any ($5::integer[])
