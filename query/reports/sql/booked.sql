-- What was booked in [first, until) by the hotel's local date of booking, by a key, and what had become of it by a seq.
--
-- parameters  hotel_id, first, until, seq; timezone (the hotel's)
-- key         what rows are grouped by, of the columns of `booked`
-- result      key, bookings, rooms, rooms by outcome, and sums for the means; a hold counts once it was confirmed. And for
--             each `field` and value (the key) how many rooms have it, the most frequent first; sums are zero there
with history as (
    -- One pass over what became of each line: its last state, its terms before leaving cut them, the last room it had.
    select c.booking_id, c.line,
           max(c.seq) as last,
           max(c.seq) filter (where c.state <> 'checked_out') as agreed,
           max(c.seq) filter (where c.room is not null) as assigned,
           min(c.seq) filter (where c.state = 'cancelled') as cancelled,
           bool_or(c.state = 'confirmed') as was_booked
      from read.booking b
      join read.line_change c on c.hotel_id = b.hotel_id and c.booking_id = b.booking_id
     where b.hotel_id = :hotel_id and c.seq <= :seq
       and b.booked_at >= cast(:first as timestamp) at time zone :timezone
       and b.booked_at < cast(:until as timestamp) at time zone :timezone
     group by c.booking_id, c.line
), booked as materialized (
    select h.was_booked,
           h.was_booked and h.line = min(h.line) filter (where h.was_booked) over (partition by h.booking_id) as is_first,
           cast(b.booked_at at time zone :timezone as date) as day,
           case when t.type = 'GuestsWalked' then 'walked' else last.state end as outcome,
           agreed.room_type, coalesce(room.room_type, agreed.room_type) as assigned_room_type,
           greatest(agreed.arrival - cast(b.booked_at at time zone :timezone as date), 0) as lead_days,
           agreed.nights, agreed.total, coalesce(agreed.total / nullif(agreed.nights, 0), 0) as adr,
           agreed.adults, agreed.children,
           b.channel, b.market_segment, b.distribution_channel, b.agent, b.company, b.customer_type, b.meal, b.country
      from history h
      join read.booking b on b.hotel_id = :hotel_id and b.booking_id = h.booking_id
      join read.line_change last
        on last.hotel_id = :hotel_id and last.booking_id = h.booking_id and last.line = h.line and last.seq = h.last
      join read.line_change agreed
        on agreed.hotel_id = :hotel_id and agreed.booking_id = h.booking_id and agreed.line = h.line
       and agreed.seq = h.agreed
      left join read.line_change assigned
        on assigned.hotel_id = :hotel_id and assigned.booking_id = h.booking_id and assigned.line = h.line
       and assigned.seq = h.assigned
      left join read.room on room.hotel_id = :hotel_id and room.room = assigned.room
      left join read.timeline t
        on t.hotel_id = :hotel_id and t.booking_id = h.booking_id and t.seq = h.cancelled
)
select * from (
    select null as field, {key} as key,
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
     group by 2
    union all
    select field, value, 0, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
      from booked
     cross join lateral (values
               ('reserved_room_type', room_type), ('assigned_room_type', assigned_room_type), ('channel', channel),
               ('market_segment', market_segment), ('distribution_channel', distribution_channel), ('agent', agent),
               ('company', company), ('customer_type', customer_type), ('meal', meal), ('country', country)
           ) as fields (field, value)
     where was_booked
     group by field, value
) as found
 order by field nulls first, case when field is null then 0 else -rooms end, key nulls last
