-- Take a schedule that is due: $1 name. No row: it isn't due, or another clock is just sending it.
-- Locks the row until the transaction ends; in it the task is sent and the next due time set.
select clock_timestamp() as now from ops.schedule
 where name = $1 and due_at <= clock_timestamp()
   for update skip locked
