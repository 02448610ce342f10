-- Note how far a hotel's ledger is summed up: $1 hotel, $2 seq, $3 checksum. An alarm stays.
insert into read.audit (hotel_id, seq, checksum) values ($1, $2, $3)
    on conflict (hotel_id) do update set seq = excluded.seq, checksum = excluded.checksum
