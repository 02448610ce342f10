-- Rooms in service, rooms sold and their revenue for the stay dates [first, until), by a key, as of a seq.
--
-- parameters  hotel_id, first, until, seq
-- key         what rows are grouped by, of day and room_type
-- join        left: also days without anything on sale; inner: only what is there
-- result      key, rooms_available, rooms_sold, revenue
--
-- Stock is absolute, so the last change of a night counts; claims are differences, so they add up.
with stock as (
    select distinct on (night, room_type) night, room_type, in_service
      from read.stock_change
     where hotel_id = :hotel_id and night >= :first and night < :until and seq <= :seq
     order by night, room_type, seq desc
), claims as (
    select night, room_type, sum(sold) as sold, sum(revenue) as revenue
      from read.claim_change
     where hotel_id = :hotel_id and night >= :first and night < :until and seq <= :seq
     group by night, room_type
), days as (
    select cast(:first as date) + number as day
      from generate_series(0, cast(:until as date) - cast(:first as date) - 1) as number
)
select {key} as key,
       coalesce(sum(in_service), 0) as rooms_available,
       coalesce(sum(sold), 0) as rooms_sold,
       coalesce(sum(revenue), 0) as revenue
  from days
  {join} join (stock left join claims using (night, room_type)) on night = day
 group by 1
 order by 1
