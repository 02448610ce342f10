-- Other restrictions for nights, null leaves one as it is: $1 hotel, $2 room type, $3 first, $4 until (exclusive),
-- $5 ISO weekdays, $6 stop-sell, $7 minimum stay, $8 closed to arrival, $9 closed to departure.
-- The caller holds the head's lock.
update ledger.night
   set stop_sell = coalesce($6, stop_sell),
       minimum_stay = coalesce($7, minimum_stay),
       closed_to_arrival = coalesce($8, closed_to_arrival),
       closed_to_departure = coalesce($9, closed_to_departure)
 where hotel_id = $1 and room_type = $2 and night >= $3 and night < $4
   and extract(isodow from night) = any ($5::integer[])
