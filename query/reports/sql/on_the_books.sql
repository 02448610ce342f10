-- Rooms in service, and what is on the books, for each of the stay dates [first, until) and room type, as of a seq.
--
-- parameters  hotel_id, first, until, seq
-- result      night, room_type, rooms_available, rooms, revenue; nights that are on sale alone
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
)
select night, room_type, in_service as rooms_available, coalesce(sold, 0) as rooms, coalesce(revenue, 0) as revenue
  from stock
  left join claims using (night, room_type)
 order by night, room_type
