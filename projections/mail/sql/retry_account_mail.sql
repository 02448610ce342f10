-- Let a failed account mail try again, as if it never had: $1 mail. No row: there is none, or it hasn't failed.
update identity.outbox set attempts = 0, next_attempt_at = clock_timestamp()
 where mail_id = $1 and sent_at is null and sealed is not null and next_attempt_at is null
returning mail_id
