-- How the nights [first, until) came to be sold: what changed how many days before each, by room type, as of a seq.
--
-- parameters  hotel_id, first, until, seq, timezone (the hotel's)
-- result      night, room_type, days_before (negative after the night began), rooms, revenue, the last days first; and for
--             each night that was on sale a row without days_before, so that one on which nothing changed counts too
select night, room_type,
       night - cast(occurred_at at time zone :timezone as date) as days_before,
       sum(sold) as rooms, sum(revenue) as revenue
  from read.claim_change
 where hotel_id = :hotel_id and night >= :first and night < :until and seq <= :seq
 group by 1, 2, 3
union all
select night, room_type, null, 0, 0
  from read.stock_change
 where hotel_id = :hotel_id and night >= :first and night < :until and seq <= :seq
 group by 1, 2
 order by 1, 2, 3
