-- The wrapped keys of some guests: $1 hotel, $2 guests. A guest without one is erased. Locks nothing.
select guest_id, wrapped_key from ledger.guest_key where hotel_id = $1 and guest_id = any ($2::uuid[])
