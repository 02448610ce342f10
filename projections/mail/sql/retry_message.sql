-- Let a failed mail of a booking try again, as if it never had: $1 mail. No row: there is none, or it hasn't failed.
update mail.message set state = 'waiting', attempts = 0, due_at = clock_timestamp()
 where message_id = $1 and state = 'failed'
returning message_id
