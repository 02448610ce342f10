-- The answers given already under some idempotency keys: $1 hotels, $2 principals, $3 keys, triple by triple.
-- Locks nothing; the caller holds the heads' locks, without which nobody stores an answer.
select i.hotel_id, i.principal, i.key, i.fingerprint, i.status, i.answer
  from unnest($1::uuid[], $2::text[], $3::text[]) as k (hotel_id, principal, key)
 cross join lateral (
           select * from ledger.idempotency
            where hotel_id = k.hotel_id and principal = k.principal and key = k.key
           offset 0 -- one look-up a key, in whatever state of the table this was planned
       ) as i
