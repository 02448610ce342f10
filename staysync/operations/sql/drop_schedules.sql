-- Forget the schedules that no longer exist: $1 the names of those that do.
delete from ops.schedule where name <> all ($1::text[])
