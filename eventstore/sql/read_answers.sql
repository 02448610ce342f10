-- The answers given already under some idempotency keys: $1 hotels, $2 principals, $3 keys, triple by triple.
-- Locks nothing; the caller holds the heads' locks, without which nobody stores an answer.
select i.hotel_id, i.principal, i.key, i.fingerprint, i.status, i.answer
  from unnest($1::uuid[], $2::text[], $3::text[]) as k (hotel_id, principal, key)
  join ledger.idempotency i on i.hotel_id = k.hotel_id and i.principal = k.principal and i.key = k.key
