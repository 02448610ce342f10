-- The checkpoint of a hotel that was never followed: $1 hotel. Does nothing if it is there by now.
insert into mail.checkpoint (hotel_id) values ($1) on conflict (hotel_id) do nothing
