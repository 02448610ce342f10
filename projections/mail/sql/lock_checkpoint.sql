-- Take a hotel's checkpoint of mail, unless another worker has it: $1 hotel. No row: it is taken.
-- Locks it until the transaction ends. `until` is how far the read tables are, which mail never passes.
select m.seq, r.seq as until, h.timezone
  from mail.checkpoint m
  join read.checkpoint r on r.hotel_id = m.hotel_id
  join read.hotel h on h.hotel_id = m.hotel_id
 where m.hotel_id = $1
   for update of m skip locked
