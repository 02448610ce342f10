-- Make a schedule due at once: $1 name. The name comes back if there is such a schedule.
update ops.schedule set due_at = least(due_at, clock_timestamp()) where name = $1 returning name
