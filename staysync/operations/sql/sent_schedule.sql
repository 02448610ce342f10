-- Note that a schedule's task was sent: $1 name, $2 when it is due next. The caller holds the row.
update ops.schedule set sent_at = clock_timestamp(), due_at = $2 where name = $1
