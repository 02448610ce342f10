-- A hotel's head and the last event that there is, both of one instant: $1 hotel. No row where there is neither.
-- Locks nothing. The two differ only if somebody has changed one of them by hand.
select h.seq, h.hash, e.seq as last_seq
  from (select $1::uuid as hotel_id) as asked
  left join ledger.head h using (hotel_id)
  left join lateral (
       select seq from ledger.event e where e.hotel_id = asked.hotel_id order by seq desc limit 1
  ) e on true
