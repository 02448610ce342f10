-- Write mails that events of a hotel ask for: $1 hotel, and of each $2 id, $3 booking, $4 seq, $5 version, $6 kind,
-- $7 when it is due. One that is there already stays as it is; but a reminder that still waits for its day, or whose day
-- had gone, gets the new one.
insert into mail.message as m (message_id, hotel_id, booking_id, seq, version, kind, due_at)
select n.message_id, $1, n.booking_id, n.seq, n.version, n.kind, n.due_at
  from unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::integer[], $6::text[], $7::timestamptz[])
       as n (message_id, booking_id, seq, version, kind, due_at)
    on conflict (message_id) do update
   set state = 'waiting', error = null, seq = excluded.seq, version = excluded.version, due_at = excluded.due_at
 where excluded.seq > m.seq
   and (m.state = 'waiting' and m.attempts = 0 or m.state = 'dropped' and m.error = 'outdated')
