-- Let a parked projection try again: $1 hotel.
update read.checkpoint set parked_seq = null, parked_error = null, parked_at = null
 where hotel_id = $1 and parked_seq is not null
