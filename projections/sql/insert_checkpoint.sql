-- The checkpoint of a hotel that was never projected: $1 hotel. Does nothing if it is there by now, or no such hotel is.
insert into read.checkpoint (hotel_id)
select hotel_id from ledger.head where hotel_id = $1
    on conflict (hotel_id) do nothing
