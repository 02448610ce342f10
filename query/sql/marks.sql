-- What an answer about some hotels depends on, beside the question: how far each is projected, how many of its holds
-- are past their deadline, and what tells its business date. {hotels} is one of mark_*.sql.
-- Two index look-ups for each hotel; locks nothing.
select h.hotel_id, h.timezone, h.business_day_rolls_at, c.seq, c.updated_at,
       (select count(*) from read.booking b where b.hotel_id = h.hotel_id and b.hold_until <= now()) as due
  from read.hotel h
  left join read.checkpoint c on c.hotel_id = h.hotel_id
 where {hotels}
 order by h.hotel_id
