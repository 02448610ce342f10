-- The next events of a hotel after a seq, in order: $1 hotel, $2 seq, $3 how many at most.
-- Locks nothing. Complete without waiting for anyone: seqs are handed out under the head's lock, so an event that is
-- visible has no invisible one before it.
select hotel_id, seq, stream_id, version, schema_version, type, occurred_at, recorded_at, hash, data, metadata
  from ledger.event
 where hotel_id = $1 and seq > $2
 order by seq
 limit $3
