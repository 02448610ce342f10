-- How far the read tables, and mail, are behind the ledger, over all hotels. Parked ones count apart. Locks nothing.
-- `oldest_s`: the age of the oldest event that isn't in them, in seconds; 0 where nothing waits.
select 'read' as projection,
       count(waiting.recorded_at) filter (where c.parked_seq is null) as hotels,
       coalesce(sum(h.seq - coalesce(c.seq, 0)) filter (where c.parked_seq is null), 0)::bigint as events,
       coalesce(max(extract(epoch from clock_timestamp() - waiting.recorded_at)) filter (where c.parked_seq is null), 0)
           ::double precision as oldest_s,
       count(c.parked_seq) as parked
  from ledger.head h
  left join read.checkpoint c on c.hotel_id = h.hotel_id
  left join lateral (
       select e.recorded_at from ledger.event e
        where e.hotel_id = h.hotel_id and e.seq = coalesce(c.seq, 0) + 1 and h.seq > coalesce(c.seq, 0)
  ) waiting on true
union all
select 'mail',
       count(waiting.recorded_at),
       coalesce(sum(greatest(h.seq - coalesce(m.seq, 0), 0)), 0)::bigint,
       coalesce(max(extract(epoch from clock_timestamp() - waiting.recorded_at)), 0)::double precision,
       0
  from ledger.head h
  left join mail.checkpoint m on m.hotel_id = h.hotel_id
  left join lateral (
       select e.recorded_at from ledger.event e
        where e.hotel_id = h.hotel_id and e.seq = coalesce(m.seq, 0) + 1 and h.seq > coalesce(m.seq, 0)
  ) waiting on true
