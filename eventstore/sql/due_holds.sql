-- A hotel's holds that are past their deadline: $1 hotel, $2 the database clock after the lock.
-- Locks nothing; the caller holds the head's lock, without which nobody writes a hold.
select booking_id, room_type, lower(stay) as arrival, upper(stay) as departure
  from ledger.hold
 where hold_until <= $2 and hotel_id = $1
