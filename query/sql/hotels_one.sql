-- One hotel: $3 its id.
select h.* from read.hotel h where h.hotel_id = $3::uuid
