-- Lock the heads of these hotels and say what they are: $1 hotels.
-- Locks each head that nobody else holds, in the order of the ids, and skips the others without waiting. The clock of a
-- row is read after its lock is held, because the outer query takes its rows from the materialised, locking one.
with locked as materialized (
    select hotel_id, seq, hash, occurred_at, recorded_at, settings_version
      from ledger.head
     where hotel_id = any ($1::uuid[])
     order by hotel_id
       for update skip locked
)
select hotel_id, seq, hash, occurred_at, recorded_at, settings_version, clock_timestamp() as now
  from locked
