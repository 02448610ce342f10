-- How many dead letters wait to be retried or thrown away, by task. Locks nothing.
select task, count(*) as letters from ops.dead_letter where retried_at is null group by task order by task
