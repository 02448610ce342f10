-- The hotels whose ledger mail hasn't followed as far as the read tables have. Locks nothing.
select r.hotel_id
  from read.checkpoint r
  left join mail.checkpoint m on m.hotel_id = r.hotel_id
 where r.seq > coalesce(m.seq, 0)
 order by r.recorded_at
