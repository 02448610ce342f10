-- Park a hotel's projection before an event that can't be applied: $1 hotel, $2 the event's seq, $3 why.
-- Events before it stay applied. Does nothing where the projection has moved on.
update read.checkpoint
   set parked_seq = $2, parked_error = $3, parked_at = clock_timestamp()
 where hotel_id = $1 and seq = $2 - 1
