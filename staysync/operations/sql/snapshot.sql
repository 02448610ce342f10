-- The age of the oldest snapshot in this server, in seconds; null without one. Locks nothing.
select ops.oldest_snapshot_s() as age_s
