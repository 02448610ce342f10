-- The hotels that have a ledger, after a given one, in order of their ids: $1 hotel, $2 how many at most. Locks nothing.
select hotel_id from ledger.head where hotel_id > $1 order by hotel_id limit $2
