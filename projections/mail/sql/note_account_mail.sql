-- Note what became of an attempt at an account mail: $1 mail, $2 the attempt's number, $3 state, $4 why, $5 when it is
-- due again (if it is). What was sealed goes when it was sent or isn't wanted any more, and stays of one that failed.
update identity.outbox
   set sent_at = case when $3 = 'sent' then clock_timestamp() end,
       sealed = case when $3 in ('sent', 'dropped') then null else sealed end,
       next_attempt_at = clock_timestamp() + $5::interval,
       last_error = $4
 where mail_id = $1 and attempts = $2 and sent_at is null and next_attempt_at is not null
