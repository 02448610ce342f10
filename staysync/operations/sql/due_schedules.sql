-- The schedules that are due, and in how many seconds each of the others is. Locks nothing.
select name, extract(epoch from due_at - clock_timestamp())::double precision as in_s from ops.schedule order by due_at
