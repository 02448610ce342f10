-- The hotels of all cities by name: $3 and $4 the name and id after which they begin ('' and the nil UUID for all),
-- $5 how many at most. Goes by the index hotel_name.
select h.* from read.hotel h
 where (h.name, h.hotel_id) > ($3::text, $4::uuid)
 order by h.name, h.hotel_id
 limit $5::integer
