-- All events of a booking, in order, with their data as the text that was hashed. A stream of another kind has none of
-- the types asked for.
select seq, version, type, schema_version, occurred_at, data::text as data
  from ledger.event
 where hotel_id = :hotel_id and stream_id = :booking_id and type = any (:types)
 order by version
