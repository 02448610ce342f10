-- The last seq of a hotel that had happened by `as_of` and was recorded by `known_at`, for each pair of these
-- arrays, in their order; an instant that is null sets no bound. No row if there is no such hotel.
--
-- Neither time goes back within a hotel, so the seq is found by halving: some 20 reads by primary key for a million
-- events. It costs the appender no index. `now` is the database's clock, `reached` how far the read tables are.
with recursive halving as (
    select t.number, t.as_of, t.known_at, 0::bigint as low, h.seq as high
      from ledger.head h
     cross join unnest(cast(:as_of as timestamptz[]), cast(:known_at as timestamptz[]))
           with ordinality as t (as_of, known_at, number)
     where h.hotel_id = :hotel_id and h.seq > 0
    union all
    select s.number, s.as_of, s.known_at,
           case when e.is_past then e.seq else s.low end,
           case when e.is_past then s.high else e.seq - 1 end
      from halving s
     cross join lateral (
        select seq,
               occurred_at <= coalesce(s.as_of, 'infinity') and recorded_at <= coalesce(s.known_at, 'infinity')
                   as is_past
          from ledger.event
         where hotel_id = :hotel_id and seq = (s.low + s.high + 1) / 2
     ) e
     where s.low < s.high
)
select s.low as seq, clock_timestamp() as now,
       coalesce((select c.seq from read.checkpoint c where c.hotel_id = :hotel_id), 0) as reached
  from halving s
 where s.low = s.high
 order by s.number
