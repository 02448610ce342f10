-- The first of all guests' keys: the one of nobody, which says what the master key is, unless it isn't there yet.
-- Locks nothing.
select hotel_id, guest_id, master_key, wrapped_key
  from ledger.guest_key
 order by hotel_id, guest_id
 limit 1
