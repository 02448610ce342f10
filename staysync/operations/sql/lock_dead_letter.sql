-- Take a dead letter to retry it: $1 id. No row: there is none, or it was retried, or somebody is doing that now.
-- Locks the row until the transaction ends; in it the task is sent again.
select task, arguments, request_id, correlation_id from ops.dead_letter
 where dead_letter_id = $1 and retried_at is null
   for update skip locked
