-- The hashes of a hotel's events after a seq, in order: $1 hotel, $2 after this seq, $3 up to and with this one,
-- $4 how many at most. Locks nothing.
select seq, hash from ledger.event where hotel_id = $1 and seq > $2 and seq <= $3 order by seq limit $4
