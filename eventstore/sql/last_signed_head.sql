-- The signed head of a hotel that reaches farthest, the latest of several: $1 hotel. Locks nothing.
select hotel_id, seq, hash, signed_at, key_id, signature
  from audit.signed_head
 where hotel_id = $1
 order by seq desc, signed_at desc
 limit 1
