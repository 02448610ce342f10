-- The hotels whose projection is parked or didn't apply what the ledger holds, the longest first. Locks nothing.
select c.hotel_id, c.seq, h.seq as ledger_seq, c.parked_seq, c.parked_error, c.parked_at, a.alarm, a.alarm_at
  from read.checkpoint c
  join ledger.head h on h.hotel_id = c.hotel_id
  left join read.audit a on a.hotel_id = c.hotel_id
 where c.parked_seq is not null or a.alarm is not null
 order by least(c.parked_at, a.alarm_at), c.hotel_id
