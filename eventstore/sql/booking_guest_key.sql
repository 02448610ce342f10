-- The guest of a booking and their wrapped key, null where it was erased: $1 hotel, $2 booking. Locks nothing.
select g.guest_id, k.wrapped_key
  from ledger.event e
 cross join lateral (select (e.data #>> '{guest,guest_id}')::uuid as guest_id) g
  left join ledger.guest_key k on k.hotel_id = e.hotel_id and k.guest_id = g.guest_id
 where e.hotel_id = $1 and e.stream_id = $2 and e.version = 1 and e.type in ('BookingHeld', 'BookingMade')
