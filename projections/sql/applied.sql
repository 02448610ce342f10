-- What a hotel's projection has applied, and how far the ledger is summed up beside it: $1 hotel. Locks nothing.
select c.seq, c.events_applied, c.checksum, coalesce(a.seq, 0) as audited_seq,
       coalesce(a.checksum, decode(repeat('00', 32), 'hex')) as audited_checksum
  from read.checkpoint c
  left join read.audit a on a.hotel_id = c.hotel_id
 where c.hotel_id = $1
