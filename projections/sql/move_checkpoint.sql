-- Note that a hotel is projected further: $1 hotel, $2 seq before, $3 seq, $4 events applied, $5 when the last of them
-- was recorded, $6 checksum before, $7 checksum. Moves no row if the checkpoint isn't what it was when it was locked.
update read.checkpoint
   set seq = $3, events_applied = events_applied + $4, recorded_at = $5, checksum = $7, updated_at = clock_timestamp()
 where hotel_id = $1 and seq = $2 and checksum = $6
