-- The wrapped keys of some guests, those that weren't erased: $1 hotel, $2 guests. Locks nothing.
select k.guest_id, k.wrapped_key
  from unnest($2::uuid[]) as g (guest_id)
 cross join lateral (
           select * from ledger.guest_key
            where hotel_id = $1 and guest_id = g.guest_id
           offset 0 -- one look-up a guest, in whatever state of the table this was planned
       ) as k
