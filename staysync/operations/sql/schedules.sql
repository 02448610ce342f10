-- All schedules as they stand. `overdue_s`: for how long each has been due, 0 if it isn't. Locks nothing.
select name, task, pattern, due_at, sent_at, started_at, ended_at, outcome, error, runs, failures,
       greatest(extract(epoch from clock_timestamp() - due_at), 0)::double precision as overdue_s,
       extract(epoch from clock_timestamp() - ended_at)::double precision as ended_ago_s,
       extract(epoch from clock_timestamp() - sent_at)::double precision as sent_ago_s
  from ops.schedule
 order by name
