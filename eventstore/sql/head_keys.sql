-- The public keys that have signed heads, the oldest first. Locks nothing.
select key_id, public_key from audit.head_key order by noted_at, key_id
