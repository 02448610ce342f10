-- Rooms that were booked and then cancelled, walked or not shown up for, by the local date of that, as of a seq.
--
-- parameters  hotel_id, first, until, seq; timezone (the hotel's)
-- key         what rows are grouped by, of day, room_type, channel and reason
-- join        left: also days without any; inner: only what is there
-- result      key, rooms by outcome; nights and value of those cancelled or walked; notice_days of those cancelled
--
-- A line's rows are absolute, so what happened is in the row before: an ended line that is told of again counts once.
with ended as (
    select cast(c.occurred_at at time zone :timezone as date) as day, c.room_type, b.channel,
           t.facts ->> 'reason' as reason,
           case when c.state = 'no_show' then 'no_show' when t.type = 'GuestsWalked' then 'walked' else 'cancelled' end
               as outcome,
           before.nights, before.total,
           greatest(before.arrival - cast(c.occurred_at at time zone :timezone as date), 0) as notice_days
      from read.line_change c
      join lateral (select p.state, p.nights, p.total, p.arrival
                      from read.line_change p
                     where p.hotel_id = c.hotel_id and p.booking_id = c.booking_id and p.line = c.line
                       and p.seq < c.seq
                     order by p.seq desc
                     limit 1) as before on before.state in ('confirmed', 'checked_in')
      join read.booking b on b.hotel_id = c.hotel_id and b.booking_id = c.booking_id
      join read.timeline t on t.hotel_id = c.hotel_id and t.booking_id = c.booking_id and t.seq = c.seq
     where c.hotel_id = :hotel_id and c.state in ('cancelled', 'no_show') and c.seq <= :seq
       and c.occurred_at >= cast(:first as timestamp) at time zone :timezone
       and c.occurred_at < cast(:until as timestamp) at time zone :timezone
), days as (
    select cast(:first as date) + number as day
      from generate_series(0, cast(:until as date) - cast(:first as date) - 1) as number
)
select {key} as key,
       count(*) filter (where outcome = 'cancelled') as cancelled,
       count(*) filter (where outcome = 'walked') as walked,
       count(*) filter (where outcome = 'no_show') as no_show,
       coalesce(sum(nights) filter (where outcome <> 'no_show'), 0) as nights,
       coalesce(sum(total) filter (where outcome <> 'no_show'), 0) as value,
       coalesce(sum(notice_days) filter (where outcome = 'cancelled'), 0) as notice_days
  from days
  {join} join ended using (day)
 group by 1
 order by 1 nulls last
