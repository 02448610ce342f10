-- The hotels whose projection is behind their ledger, the longest waiting first: $1 shards.
-- Parked ones aren't among them. A hotel's shard is the low half of its id's last byte. Locks nothing.
select h.hotel_id
  from ledger.head h
  left join read.checkpoint c on c.hotel_id = h.hotel_id
 where get_byte(uuid_send(h.hotel_id), 15) & 15 = any ($1::integer[])
   and h.seq > coalesce(c.seq, 0) and c.parked_seq is null
 order by h.recorded_at
