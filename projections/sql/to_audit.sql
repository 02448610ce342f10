-- The hotels whose checkpoint has moved since it was held against the ledger, the longest ago first: $1 how many.
-- Those with an alarm aren't among them: only a rebuild ends it. Locks nothing.
select c.hotel_id
  from read.checkpoint c
  left join read.audit a on a.hotel_id = c.hotel_id
 where c.seq <> coalesce(a.seq, 0) and a.alarm is null
 order by c.updated_at
 limit $1
