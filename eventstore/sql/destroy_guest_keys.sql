-- Destroys the keys of guests, so that what is sealed with them can't be read again: $1 hotels, $2 guests, row by row.
-- A key that isn't there any more is destroyed already. A statement after the append's, since the same batch may have
-- kept the key of someone. The caller holds the heads' locks.
delete from ledger.guest_key k
 using unnest($1::uuid[], $2::uuid[]) as e (hotel_id, guest_id)
 cross join lateral (
           select ctid as place from ledger.guest_key
            where hotel_id = e.hotel_id and guest_id = e.guest_id
           offset 0
       ) as found
 where k.ctid = found.place
