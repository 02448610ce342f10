-- The stock of a room type's nights [$3, $4): $1 hotel, $2 room type.
-- Locks nothing; the caller holds the head's lock, without which nobody writes a night.
select hotel_id, room_type, night, in_service, allowance, sold, held, price, stop_sell, minimum_stay, closed_to_arrival,
       closed_to_departure
  from ledger.night
 where hotel_id = $1 and room_type = $2 and night >= $3 and night < $4
