-- The transactions that may be reading read tables: those under way of the query role, and of the owner, as whom verify
-- reads. A transaction keeps its number until it ends, so one that is no longer in the answer has ended. Locks nothing.
select l.pid, l.virtualxid
  from pg_locks l
  join pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'virtualxid' and l.granted and l.pid <> pg_backend_pid()
   and a.datname = current_database() and a.usename in ('staysync_query', 'staysync_owner')
