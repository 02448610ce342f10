-- The last version of a stream, 0 if it has none: $1 hotel, $2 stream. The caller holds the head's lock.
select coalesce(max(version), 0) from ledger.event where hotel_id = $1 and stream_id = $2
