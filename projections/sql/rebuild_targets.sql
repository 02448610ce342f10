-- Up to which event a new fold of each hotel has to go: where its projection is, or, for one that is parked, the
-- ledger's end, since a new fold may get beyond. Locks nothing.
select c.hotel_id, case when c.parked_seq is null then c.seq else h.seq end as until
  from read.checkpoint c
  join ledger.head h on h.hotel_id = c.hotel_id
 order by c.hotel_id
