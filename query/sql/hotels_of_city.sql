-- The hotels of a city whatever its case, by name: $3 city, $4 and $5 the name and id after which they begin ('' and
-- the nil UUID for all), $6 how many at most, null for all. Goes by the index hotel_city_name.
select h.* from read.hotel h
 where lower(h.city) = lower($3::text) and (h.name, h.hotel_id) > ($4::text, $5::uuid)
 order by h.name, h.hotel_id
 limit $6::integer
