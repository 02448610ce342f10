-- Events that mails are about, in order: $1 hotel, $2 after this seq, $3 up to this one, $4 their types, $5 how old the
-- oldest may be, $6 how many at most. Locks nothing.
-- What an import or a demo tells of the past has happened before it was recorded; what happens now, at that instant. So
-- history never becomes a mail, whoever wrote it.
select seq, stream_id, version
  from ledger.event
 where hotel_id = $1 and seq > $2 and seq <= $3
   and type = any ($4::text[])
   and occurred_at = recorded_at
   and recorded_at > clock_timestamp() - $5::interval
 order by seq
 limit $6
