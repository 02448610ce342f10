-- How a schema is built, a line a thing, without its own name, so that two schemas can be compared: $1 schema.
-- Relations of every kind with options, owner, grants and comments; columns; constraints; indexes; triggers; functions.
with relation as (
    select c.*, format('%s %s', c.relkind, c.relname) as named
      from pg_class c where c.relnamespace = $1::text::regnamespace and c.relkind <> 't'
), said (line) as (
    select format('schema owner %s', pg_get_userbyid(nspowner)) from pg_namespace where nspname = $1
    union all
    select format('schema grant %s to %s', a.privilege_type, a.grantee::regrole)
      from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = $1 and a.grantee <> n.nspowner
    union all
    select format('relation %s: %s, options %s, owner %s, row security %s, comment %s', named, relpersistence,
                  reloptions, pg_get_userbyid(relowner), relrowsecurity, obj_description(oid, 'pg_class'))
      from relation
    union all
    select format('grant %s on %s to %s', a.privilege_type, r.named, a.grantee::regrole)
      from relation r, aclexplode(r.relacl) a where a.grantee <> r.relowner
    union all
    select format('column %s of %s, place %s: %s, not null %s, default %s, generated %s, identity %s, collation %s, '
                  'storage %s, compression %s, statistics %s, grants %s, comment %s', a.attname, r.named,
                  row_number() over (partition by r.oid order by a.attnum), format_type(a.atttypid, a.atttypmod),
                  a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity, a.attcollation,
                  a.attstorage, a.attcompression, a.attstattarget, a.attacl, col_description(r.oid, a.attnum))
      from relation r
      join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and r.relkind <> 'i'
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    union all
    select format('constraint %s on %s: %s, comment %s', n.conname, r.named, pg_get_constraintdef(n.oid),
                  obj_description(n.oid, 'pg_constraint'))
      from relation r join pg_constraint n on n.conrelid = r.oid
    union all
    select format('index %s', pg_get_indexdef(oid)) from relation where relkind = 'i'
    union all
    select format('trigger %s', pg_get_triggerdef(t.oid))
      from relation r join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
    union all
    select format('function %s', pg_get_functiondef(oid)) from pg_proc where pronamespace = $1::text::regnamespace
    union all
    select format('statistics %s', pg_get_statisticsobjdef(oid))
      from pg_statistic_ext where stxnamespace = $1::text::regnamespace
)
select replace(line, $1 || '.', '') as line from said order by 1
