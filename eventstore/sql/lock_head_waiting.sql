-- Lock the head of one hotel and say what it is: $1 hotels (one).
-- Waits for whoever holds it, up to the transaction's lock_timeout. The clock is read after the lock is held.
with locked as materialized (
    select hotel_id, seq, hash, occurred_at, recorded_at, settings_version
      from ledger.head
     where hotel_id = any ($1::uuid[])
       for update
)
select hotel_id, seq, hash, occurred_at, recorded_at, settings_version, clock_timestamp() as now
  from locked
