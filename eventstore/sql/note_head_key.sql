-- Keep a public key, before the first head is signed with it: $1 its id, $2 the key. Nothing where it is known.
insert into audit.head_key (key_id, public_key) values ($1, $2) on conflict (key_id) do nothing
