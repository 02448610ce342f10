-- What a hotel's ledger holds already, for an import that goes on: $1 hotel, $2 after which seq, $3 how many at most.
-- Locks nothing; pages by seq, so that no snapshot of it grows old.
select seq, stream_id, type, occurred_at, metadata ->> 'actor' as actor, metadata ->> 'request_id' as request_id,
       metadata ->> 'correlation_id' as correlation_id
  from ledger.event
 where hotel_id = $1 and seq > $2
 order by seq
 limit $3
