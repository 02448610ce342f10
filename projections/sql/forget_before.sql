-- Blank guests in the tables that were live before the last rebuild, which nobody projects into: $1 hotel, $2 guests.
-- To be asked only where `read_before.guest` is there. Locks the guests' rows.
update read_before.guest
   set full_name = null, email = null, phone = null, language = null, erased = true
 where hotel_id = $1 and guest_id = any ($2::uuid[])
