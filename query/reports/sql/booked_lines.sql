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
), booked as (
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
