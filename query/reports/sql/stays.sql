-- Lines of bookings with their guests' names of today, as they were as of a seq: who comes, who leaves, who is there.
--
-- parameters  hotel_id, first, until, seq; states, longest_stay (nights)
-- dates       which arrivals and departures
-- order       the first columns of the order
-- result      one row a line
--
-- A line's last row up to the seq is the one that no other follows.
select b.reference, c.booking_id, c.line, g.full_name as guest_name, c.room_type, c.room, c.adults, c.children,
       c.arrival, c.departure, c.nights, c.state, b.channel, c.total
  from read.line_change c
  join read.booking b on b.hotel_id = c.hotel_id and b.booking_id = c.booking_id
  join read.booking_line l on l.hotel_id = c.hotel_id and l.booking_id = c.booking_id and l.line = c.line
  left join read.guest g on g.hotel_id = c.hotel_id and g.guest_id = coalesce(l.guest_id, b.guest_id)
 where c.hotel_id = :hotel_id and c.seq <= :seq and c.state = any (:states) and {dates}
   and not exists (select from read.line_change later
                    where later.hotel_id = c.hotel_id and later.booking_id = c.booking_id and later.line = c.line
                      and later.seq > c.seq and later.seq <= :seq)
 order by {order}, b.reference, c.line
