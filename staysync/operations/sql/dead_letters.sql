-- Dead letters that nobody has retried, the newest first: $1 how many at most, $2 and $3 when the last one of the page
-- before failed, and its id; null for the first page. Locks nothing.
select dead_letter_id, task, arguments, error, request_id, correlation_id, failed_at
  from ops.dead_letter
 where retried_at is null and ($2::timestamptz is null or (failed_at, dead_letter_id) < ($2, $3::uuid))
 order by failed_at desc, dead_letter_id desc
 limit $1
