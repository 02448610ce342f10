-- The hotels whose projection is parked, the longest first: $1 how many at most. Locks nothing.
select hotel_id, parked_seq, parked_error, parked_at from read.checkpoint
 where parked_seq is not null order by parked_at limit $1
