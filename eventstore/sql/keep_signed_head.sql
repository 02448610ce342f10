-- Keep a signed head: $1 hotel, $2 seq, $3 hash, $4 signed at, $5 key, $6 signature.
-- Nothing where this head was signed with this key before: two signers at once are as good as one.
insert into audit.signed_head (hotel_id, seq, hash, signed_at, key_id, signature)
values ($1, $2, $3, $4, $5, $6)
on conflict (hotel_id, seq, key_id) do nothing
