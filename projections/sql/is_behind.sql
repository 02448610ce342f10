-- Whether a hotel's projection is behind its ledger: $1 hotel. Locks nothing.
select h.seq > coalesce(c.seq, 0)
  from ledger.head h
  left join read.checkpoint c on c.hotel_id = h.hotel_id
 where h.hotel_id = $1
