-- Note that a dead letter was retried: $1 id. The caller holds the row.
update ops.dead_letter set retried_at = clock_timestamp() where dead_letter_id = $1
