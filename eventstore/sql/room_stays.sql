-- Who has some rooms in the nights [$3, $4): $1 hotel, $2 rooms.
-- Locks nothing; the caller holds the head's lock, without which nobody writes a room's stay.
select s.room, lower(s.stay) as first, upper(s.stay) as until, s.booking_id, s.line
  from unnest($2::text[]) as r (room)
 cross join lateral (
           select * from ledger.room_stay
            where hotel_id = $1 and room = r.room and stay && daterange($3, $4)
           offset 0 -- one look-up a room, in whatever state of the table this was planned
       ) as s
