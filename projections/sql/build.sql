-- The statements that build the tables of a schema like those of another one, in order: $1 the other, $2 the new one.
-- Names, options, constraints, indexes, comments and grants are those of the other. Locks nothing.
with relation as (
    select * from pg_class where relnamespace = $1::text::regnamespace and relkind = 'r'
), made (step, line) as (
    select 1, format('create schema %I', $2::text)
    union all
    select 2, format('create table %I.%I (like %I.%I including all excluding indexes excluding constraints)',
                     $2, relname, $1, relname)
      from relation
    union all
    select 3, format('alter table %I.%I set (%s)', $2, relname, array_to_string(reloptions, ', '))
      from relation where reloptions is not null
    union all
    select case n.contype when 'f' then 6 else 4 end,
           format('alter table %I.%I add constraint %I %s', $2, r.relname, n.conname, pg_get_constraintdef(n.oid))
      from relation r join pg_constraint n on n.conrelid = r.oid and n.contype in ('p', 'u', 'x', 'c', 'f')
    union all
    select 5, replace(pg_get_indexdef(i.indexrelid), format(' ON %I.', $1), format(' ON %I.', $2))
      from relation r
      join pg_index i on i.indrelid = r.oid
     where not exists (select from pg_constraint n where n.conindid = i.indexrelid)
    union all
    select 7, format('comment on table %I.%I is %L', $2, relname, obj_description(oid, 'pg_class'))
      from relation where obj_description(oid, 'pg_class') is not null
    union all
    select 8, format('grant %s on table %I.%I to %I', a.privilege_type, $2, r.relname, a.grantee::regrole)
      from relation r, aclexplode(r.relacl) a where a.grantee <> r.relowner
    union all
    select 9, format('grant %s on schema %I to %I', a.privilege_type, $2, a.grantee::regrole)
      from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = $1 and a.grantee <> n.nspowner
)
select line from made order by step, line
