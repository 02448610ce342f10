-- What is on the books for the stay dates [first, until), by a key, as of a seq, and what of it came in the last days.
--
-- parameters  hotel_id, first, until, seq; seen_at: the instant that is looked from
-- key         what rows are grouped by, of day, room_type and channel
-- join        left: also days without anything sold; inner: only what is there
-- result      key, rooms and revenue, and of the last 1, 7 and 28 days (of 24 hours each) the changes
with claims as (
    select night, room_type, channel, sold, revenue, cast(:seen_at as timestamptz) - occurred_at as age
      from read.claim_change
     where hotel_id = :hotel_id and night >= :first and night < :until and seq <= :seq
), days as (
    select cast(:first as date) + number as day
      from generate_series(0, cast(:until as date) - cast(:first as date) - 1) as number
)
select {key} as key,
       coalesce(sum(sold), 0) as rooms,
       coalesce(sum(sold) filter (where age < interval '24 hours'), 0) as rooms_1,
       coalesce(sum(sold) filter (where age < interval '168 hours'), 0) as rooms_7,
       coalesce(sum(sold) filter (where age < interval '672 hours'), 0) as rooms_28,
       coalesce(sum(revenue), 0) as revenue,
       coalesce(sum(revenue) filter (where age < interval '24 hours'), 0) as revenue_1,
       coalesce(sum(revenue) filter (where age < interval '168 hours'), 0) as revenue_7,
       coalesce(sum(revenue) filter (where age < interval '672 hours'), 0) as revenue_28
  from days
  {join} join claims on claims.night = days.day
 group by 1
 order by 1 nulls last
