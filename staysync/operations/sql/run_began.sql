-- Note that a run of a schedule has begun: $1 name.
update ops.schedule set started_at = clock_timestamp() where name = $1
