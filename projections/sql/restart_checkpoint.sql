-- Put a hotel's checkpoint before the first event, for a rebuild: $1 hotel. The caller holds its lock.
update read.checkpoint
   set seq = 0, events_applied = 0, recorded_at = null, checksum = default, updated_at = clock_timestamp(),
       parked_seq = null, parked_error = null, parked_at = null
 where hotel_id = $1
