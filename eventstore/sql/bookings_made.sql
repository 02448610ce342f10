-- Bookings whose events name stays that touch the nights [$2, $3), among the events after seq $4 and up to $5, those
-- of late first: $1 hotel.
-- Some of them may have moved away since: fold them to know. Locks nothing. For answers to refusals, so rarely.
select e.stream_id
  from ledger.event e
 cross join lateral json_array_elements(e.data -> 'lines') as line
 where e.hotel_id = $1 and e.seq > $4 and e.seq <= $5
   and e.type in ('BookingHeld', 'BookingMade', 'BookingChanged')
   and (line ->> 'arrival')::date < $3 and (line ->> 'departure')::date > $2
 group by e.stream_id
 order by max(e.seq) desc
