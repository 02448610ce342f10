-- Open holds: bookings that have some, and for how long the oldest deadline has passed, in seconds (0: none has).
-- Locks nothing.
select count(distinct (hotel_id, booking_id)) as bookings,
       greatest(coalesce(max(extract(epoch from clock_timestamp() - hold_until)), 0), 0)::double precision as overdue_s
  from ledger.hold
