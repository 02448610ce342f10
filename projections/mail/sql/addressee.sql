-- A guest whom a mail may go to: $1 hotel, $2 guest. No row: erased, or about to be, since the key goes first.
select g.full_name, g.email, g.language
  from read.guest g
 where g.hotel_id = $1 and g.guest_id = $2 and not g.erased
   and exists (select from ledger.guest_key k where k.hotel_id = g.hotel_id and k.guest_id = g.guest_id)
