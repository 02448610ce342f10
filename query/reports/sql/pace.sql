-- What is on the books for the stay dates [first, until), by a key, as of a seq, beside the same dates a year before.
--
-- parameters  hotel_id, first, until, seq; seen_at: the instant that is looked from
-- key         what rows are grouped by, of day, room_type and channel
-- join        left: also days without anything sold; inner: only what is there
-- result      key, rooms and revenue: now; then, 364 days ago for the dates 364 days before; and what became of those
--
-- 364 days are 52 weeks, so that a Saturday stands beside a Saturday.
with claims as (
    select night as day, room_type, channel, sold, revenue,
           0 as then_sold, 0 as then_revenue, 0 as final_sold, 0 as final_revenue
      from read.claim_change
     where hotel_id = :hotel_id and night >= :first and night < :until and seq <= :seq
    union all
    select night + 364, room_type, channel, 0, 0,
           case when was_known then sold else 0 end, case when was_known then revenue else 0 end, sold, revenue
      from (select night, room_type, channel, sold, revenue,
                   occurred_at <= cast(:seen_at as timestamptz) - interval '8736 hours' as was_known
              from read.claim_change
             where hotel_id = :hotel_id and night >= cast(:first as date) - 364
               and night < cast(:until as date) - 364 and seq <= :seq) as last_year
), days as (
    select cast(:first as date) + number as day
      from generate_series(0, cast(:until as date) - cast(:first as date) - 1) as number
)
select {key} as key,
       coalesce(sum(sold), 0) as rooms,
       coalesce(sum(then_sold), 0) as rooms_then,
       coalesce(sum(final_sold), 0) as rooms_final,
       coalesce(sum(revenue), 0) as revenue,
       coalesce(sum(then_revenue), 0) as revenue_then,
       coalesce(sum(final_revenue), 0) as revenue_final
  from days
  {join} join claims using (day)
 group by 1
 order by 1 nulls last
