-- Rooms that lines give up, wholly or for what they keep by a new row: $1 hotels, $2 bookings, $3 lines, $4 rooms,
-- $5 first nights, row by row. Raises SS001 unless every one of them was there.
-- A statement before the append's, so that a room which one stay leaves can be another's in the same transaction: a
-- unique constraint looks at each row as it comes. The caller holds the heads' locks.
with ended as (
    delete from ledger.room_stay s
     using unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::date[])
           as e (hotel_id, booking_id, line, room, first)
     cross join lateral (
               select ctid as place from ledger.room_stay
                where hotel_id = e.hotel_id and booking_id = e.booking_id and line = e.line
                  and room = e.room and lower(stay) = e.first
               offset 0
           ) as found
     where s.ctid = found.place
    returning 1
)
select ledger.expect_count('room stays', (select count(*) from ended), cardinality($1))
