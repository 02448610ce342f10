-- Bookings with a hold past its deadline by the database's clock, the oldest first: $1 how many at most. Locks nothing.
select hotel_id, booking_id
  from ledger.hold
 where hold_until <= clock_timestamp()
 group by hotel_id, booking_id
 order by min(hold_until)
 limit $1
