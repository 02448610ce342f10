-- Put a reminder off to another day, as if it hadn't been tried: $1 mail, $2 the attempt's number, $3 when it is due.
update mail.message
   set state = 'waiting', attempts = 0, error = null, due_at = $3
 where message_id = $1 and attempts = $2 and state = 'sending'
