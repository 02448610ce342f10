-- Delete answers that are older than $1, at most $2 of them. Locks the rows that it deletes, for a short time.
delete from ledger.idempotency
 where ctid = any (array(
           select ctid from ledger.idempotency where recorded_at < clock_timestamp() - $1::interval limit $2
       ))
