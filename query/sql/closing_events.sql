-- Which events restricted nights as they are now: :hotel_id, :stream_id (that of the room type's inventory), :seq (how
-- far the read model is), and pairs of a field of RestrictionsSet and a night in :fields and :nights. A row for each
-- pair whose event is among the stream's last 5,000: older ones aren't looked for, so that a question that anybody may
-- ask stays cheap. Locks nothing.
with recent as (
    select * from ledger.event
     where hotel_id = :hotel_id and stream_id = :stream_id and seq <= :seq
     order by version desc
     limit 5000
),
said as materialized (
    select seq, type, occurred_at, recorded_at, metadata, data, (data ->> 'first')::date as first,
           (data ->> 'until')::date as until, (data -> 'weekdays')::jsonb as weekdays
      from recent
     where type = 'RestrictionsSet'
)
select distinct on (w.field, w.night)
       w.field, w.night, s.seq, s.type, s.occurred_at, s.recorded_at,
       s.metadata ->> 'actor' as actor, s.metadata ->> 'role' as role
  from unnest(cast(:fields as text[]), cast(:nights as date[])) as w (field, night)
  join said s on w.night >= s.first and w.night < s.until and s.data ->> w.field is not null
             and s.weekdays @> to_jsonb(extract(isodow from w.night)::integer)
 order by w.field, w.night, s.seq desc
