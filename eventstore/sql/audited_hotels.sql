-- Every hotel that has a head, an event or a signed head, in order of their ids; whatever of these was taken away.
-- $1 the hotel id that stands for none. Locks nothing. Goes through the events' key hotel by hotel, not event by event.
with recursive with_events as (
    (select hotel_id from ledger.event order by hotel_id limit 1)
    union all
    select (select e.hotel_id from ledger.event e where e.hotel_id > w.hotel_id order by e.hotel_id limit 1)
      from with_events w
     where w.hotel_id is not null
)
select hotel_id from with_events where hotel_id is not null
union
select hotel_id from ledger.head where hotel_id <> $1
union
select hotel_id from audit.signed_head
 order by hotel_id
