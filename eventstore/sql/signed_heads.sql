-- The signed heads of a hotel in order: $1 hotel. Locks nothing.
select hotel_id, seq, hash, signed_at, key_id, signature
  from audit.signed_head
 where hotel_id = $1
 order by seq, key_id
