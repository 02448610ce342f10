-- Rooms sold and their revenue for the stay dates [first, until), by a key and the channel of the booking, as of a seq.
--
-- parameters  hotel_id, first, until, seq
-- key         what rows are grouped by, of day and channel
-- result      key, channel, rooms_sold, revenue; channels of which nothing is sold are left out
select {key} as key, channel, sum(sold) as rooms_sold, sum(revenue) as revenue
  from (select night as day, channel, sold, revenue
          from read.claim_change
         where hotel_id = :hotel_id and night >= :first and night < :until and seq <= :seq) as claims
 group by 1, 2
having sum(sold) <> 0 or sum(revenue) <> 0
 order by 1, 2 nulls last
