-- Delete the dead letters that failed so long ago: $1 interval.
delete from ops.dead_letter where failed_at < clock_timestamp() - $1::interval
