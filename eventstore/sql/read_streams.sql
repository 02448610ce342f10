-- All events of some streams of some hotels, in order: $1 hotels, $2 streams, pairwise.
-- Locks nothing; the caller holds the heads' locks where it decides from what it reads.
select e.hotel_id, e.seq, e.stream_id, e.version, e.schema_version, e.type, e.occurred_at, e.recorded_at, e.hash,
       e.data, e.metadata
  from unnest($1::uuid[], $2::uuid[]) as s (hotel_id, stream_id)
 cross join lateral (
           select * from ledger.event
            where hotel_id = s.hotel_id and stream_id = s.stream_id
           offset 0 -- one look-up a stream, in whatever state of the table this was planned
       ) as e
 order by e.hotel_id, e.stream_id, e.version
