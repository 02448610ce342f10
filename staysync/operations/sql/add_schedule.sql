-- Note a schedule: $1 name, $2 task, $3 pattern, $4 when it is due if it is new or its pattern has changed.
insert into ops.schedule as s (name, task, pattern, due_at) values ($1, $2, $3, $4)
    on conflict (name) do update
   set task = excluded.task, pattern = excluded.pattern, due_at = excluded.due_at
 where s.task <> excluded.task or s.pattern <> excluded.pattern
