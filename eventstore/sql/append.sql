-- The guarded append: a whole batch of decisions in one statement, or nothing.
--
-- Guarantees: heads move from exactly the seq that was decided on; each night's claims are added once, as the sum over
-- the batch, and only where they fit what is in service and allowed; events, answers, references, keys and holds are
-- all there or none is. Raises SS001 unless the counts of moved heads and claimed nights are exactly those given.
-- Locks: the nights it updates. The caller holds the heads' locks, taken by an earlier statement of the same
-- transaction: this one's snapshot is younger than the locks, so it counts with what was committed before them.
--
-- Rows to change are found key by key (lateral, offset 0) and then by their place: so the plan, which is made once, looks
-- up what it needs also if it was made while the tables were empty. Nobody can move these rows under the heads' locks.
--
-- heads           $1 hotel, $2 expected seq, $3 seq, $4 hash, $5 occurred_at, $6 recorded_at, $7 settings version
-- nights          $8 hotel, $9 room type, $10 night, $11 sold, $12 held (differences)
-- events          $13 hotel, $14 seq, $15 stream, $16 version, $17 schema version, $18 type, $19 occurred_at,
--                 $20 recorded_at, $21 hash, $22 data, $23 metadata
-- answers         $24 hotel, $25 principal, $26 key, $27 fingerprint, $28 status, $29 answer, $30 recorded_at
-- references      $31 reference, $32 hotel, $33 booking
-- guests' keys    $34 hotel, $35 guest, $36 master key, $37 wrapped key
-- new holds       $38 hotel, $39 booking, $40 line, $41 room type, $42 arrival, $43 departure, $44 hold until
--                 (of a line that is held already: instead of what it had)
-- ended holds     $45 hotel, $46 booking, $47 line
-- room stays      $48 hotel, $49 room, $50 first night, $51 until, $52 booking, $53 line
with heads as (
    update ledger.head h
       set seq = n.seq, hash = n.hash, occurred_at = n.occurred_at, recorded_at = n.recorded_at,
           settings_version = n.settings_version
      from (
               select n.*, found.place
                 from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[], $5::timestamptz[],
                             $6::timestamptz[], $7::integer[])
                      as n (hotel_id, expected_seq, seq, hash, occurred_at, recorded_at, settings_version)
                cross join lateral (
                          select ctid as place from ledger.head where hotel_id = n.hotel_id offset 0
                      ) as found
           ) as n
     where h.ctid = n.place and h.seq = n.expected_seq
    returning 1
), nights as (
    update ledger.night n
       set sold = n.sold + c.sold, held = n.held + c.held
      from (
               select c.sold, c.held, found.place
                 from unnest($8::uuid[], $9::text[], $10::date[], $11::integer[], $12::integer[])
                      as c (hotel_id, room_type, night, sold, held)
                cross join lateral (
                          select ctid as place from ledger.night
                           where hotel_id = c.hotel_id and room_type = c.room_type and night = c.night
                          offset 0
                      ) as found
           ) as c
     where n.ctid = c.place
       and n.sold + c.sold + n.held + c.held <= n.in_service + n.allowance
    returning 1
), events as (
    insert into ledger.event (hotel_id, seq, stream_id, version, schema_version, type, occurred_at, recorded_at,
                              hash, data, metadata)
    select hotel_id, seq, stream_id, version, schema_version, type, occurred_at, recorded_at, hash, data::json,
           metadata::json
      from unnest($13::uuid[], $14::bigint[], $15::uuid[], $16::integer[], $17::smallint[], $18::text[],
                  $19::timestamptz[], $20::timestamptz[], $21::bytea[], $22::text[], $23::text[])
           as e (hotel_id, seq, stream_id, version, schema_version, type, occurred_at, recorded_at, hash, data,
                 metadata)
    returning 1
), answers as (
    insert into ledger.idempotency (hotel_id, principal, key, fingerprint, status, answer, recorded_at)
    select * from unnest($24::uuid[], $25::text[], $26::text[], $27::bytea[], $28::smallint[], $29::bytea[],
                         $30::timestamptz[])
), named as (
    insert into ledger.reference (reference, hotel_id, booking_id)
    select * from unnest($31::text[], $32::uuid[], $33::uuid[])
), keys as (
    insert into ledger.guest_key (hotel_id, guest_id, master_key, wrapped_key)
    select * from unnest($34::uuid[], $35::uuid[], $36::text[], $37::bytea[])
), new_holds as (
    insert into ledger.hold (hotel_id, booking_id, line, room_type, stay, hold_until)
    select hotel_id, booking_id, line, room_type, daterange(arrival, departure), hold_until
      from unnest($38::uuid[], $39::uuid[], $40::integer[], $41::text[], $42::date[], $43::date[],
                  $44::timestamptz[])
           as o (hotel_id, booking_id, line, room_type, arrival, departure, hold_until)
        on conflict (hotel_id, booking_id, line)
        do update set room_type = excluded.room_type, stay = excluded.stay, hold_until = excluded.hold_until
), room_stays as (
    insert into ledger.room_stay (hotel_id, room, stay, booking_id, line)
    select hotel_id, room, daterange(first, until), booking_id, line
      from unnest($48::uuid[], $49::text[], $50::date[], $51::date[], $52::uuid[], $53::integer[])
           as r (hotel_id, room, first, until, booking_id, line)
), ended_holds as (
    delete from ledger.hold h
     using unnest($45::uuid[], $46::uuid[], $47::integer[]) as o (hotel_id, booking_id, line)
     cross join lateral (
               select ctid as place from ledger.hold
                where hotel_id = o.hotel_id and booking_id = o.booking_id and line = o.line
               offset 0
           ) as found
     where h.ctid = found.place
    returning 1
)
select ledger.expect_count('heads', (select count(*) from heads), cardinality($1)),
       ledger.expect_count('nights', (select count(*) from nights), cardinality($8)),
       ledger.expect_count('events', (select count(*) from events), cardinality($13)),
       ledger.expect_count('holds', (select count(*) from ended_holds), cardinality($45))
