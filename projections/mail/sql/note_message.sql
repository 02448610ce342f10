-- Note what became of an attempt: $1 mail, $2 the attempt's number, $3 state, $4 why, $5 when it is due again (if it is).
-- Changes nothing where another worker has taken the mail since.
update mail.message
   set state = $3, error = $4, due_at = coalesce(clock_timestamp() + $5::interval, due_at),
       sent_at = case when $3 = 'sent' then clock_timestamp() end
 where message_id = $1 and attempts = $2 and state = 'sending'
