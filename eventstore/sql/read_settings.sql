-- The events of hotels' own streams that the cached settings lack: $1 hotels, $2 versions cached, pairwise.
-- Locks nothing; the caller holds the heads' locks.
select e.hotel_id, e.seq, e.stream_id, e.version, e.schema_version, e.type, e.occurred_at, e.recorded_at, e.hash,
       e.data, e.metadata
  from unnest($1::uuid[], $2::integer[]) as s (hotel_id, version)
 cross join lateral (
           select * from ledger.event
            where hotel_id = s.hotel_id and stream_id = s.hotel_id and version > s.version
           offset 0 -- one look-up a hotel, in whatever state of the table this was planned
       ) as e
 order by e.hotel_id, e.version
