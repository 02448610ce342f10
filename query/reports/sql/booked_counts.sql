-- How many rooms that were booked in [first, until) have which value, field by field, the most frequent value first.
--
-- parameters  hotel_id, first, until, seq; timezone (the hotel's)
-- result      field, value (null where it wasn't said), rooms
{booked_lines}
select field, value, count(*) as rooms
  from booked
 cross join lateral (values
           ('reserved_room_type', room_type), ('assigned_room_type', assigned_room_type), ('channel', channel),
           ('market_segment', market_segment), ('distribution_channel', distribution_channel), ('agent', agent),
           ('company', company), ('customer_type', customer_type), ('meal', meal), ('country', country)
       ) as fields (field, value)
 where was_booked
 group by 1, 2
 order by 1, 3 desc, 2 nulls last
