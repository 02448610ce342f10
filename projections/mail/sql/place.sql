-- The hotel that a mail is about, with the names of its room types by their codes: $1 hotel.
select h.name, h.city, h.timezone,
       coalesce((select json_object_agg(t.code, t.name) from read.room_type t where t.hotel_id = h.hotel_id), '{}')
           as room_types
  from read.hotel h
 where h.hotel_id = $1
