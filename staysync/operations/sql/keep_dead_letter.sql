-- Keep a task that failed for good: $1 id, $2 task, $3 arguments, $4 error, $5 request, $6 correlation.
insert into ops.dead_letter
       (dead_letter_id, task, arguments, error, request_id, correlation_id, failed_at)
values ($1, $2, $3, $4, $5, $6, clock_timestamp())
