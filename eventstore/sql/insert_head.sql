-- The head of a new hotel, before its first event: $1 hotel. Fails if it exists.
insert into ledger.head (hotel_id, seq, hash, occurred_at, recorded_at, settings_version)
values ($1, 0, decode(repeat('00', 32), 'hex'), '0001-01-01 00:00+00', '0001-01-01 00:00+00', 0)
