-- Say that a hotel's projection didn't apply what the ledger holds: $1 hotel, $2 seq, $3 checksum of the ledger up to
-- it, $4 what is amiss. The caller holds the checkpoint's lock. An alarm that is raised already stays as it is.
insert into read.audit (hotel_id, seq, checksum, alarm, alarm_at) values ($1, $2, $3, $4, clock_timestamp())
    on conflict (hotel_id) do update
       set seq = excluded.seq, checksum = excluded.checksum,
           alarm = coalesce(audit.alarm, excluded.alarm), alarm_at = coalesce(audit.alarm_at, excluded.alarm_at)
