-- What was booked in [first, until) by the hotel's local date of booking, by a key, and what had become of it by a seq.
--
-- parameters  hotel_id, first, until, seq; timezone (the hotel's)
-- key         what rows are grouped by, of the columns of `booked`
-- result      key, bookings, rooms, rooms by outcome, and sums for the means; a hold counts once it was confirmed
{booked_lines}
select {key} as key,
       count(*) filter (where is_first) as bookings,
       count(*) filter (where was_booked) as rooms,
       count(*) filter (where was_booked and outcome = 'checked_out') as completed,
       count(*) filter (where was_booked and outcome = 'cancelled') as cancelled,
       count(*) filter (where was_booked and outcome = 'walked') as walked,
       count(*) filter (where was_booked and outcome = 'no_show') as no_show,
       count(*) filter (where was_booked and outcome = 'checked_in') as in_house,
       count(*) filter (where was_booked and outcome = 'confirmed') as to_come,
       count(*) filter (where not was_booked and outcome = 'held') as held,
       count(*) filter (where not was_booked and outcome <> 'held') as holds_ended,
       coalesce(sum(adr) filter (where was_booked), 0) as adr_of_rooms,
       coalesce(sum(lead_days) filter (where was_booked), 0) as lead_days,
       coalesce(sum(nights) filter (where was_booked), 0) as nights,
       coalesce(sum(total) filter (where was_booked), 0) as value,
       coalesce(sum(adults) filter (where was_booked), 0) as adults,
       coalesce(sum(children) filter (where was_booked), 0) as children
  from booked
 group by 1
 order by 1 nulls last
