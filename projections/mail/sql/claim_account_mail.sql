-- Take the account mail that has been due longest, and count the attempt before it is made: $1 how long its sender may
-- take before it counts as dead. No row: nothing is due. Waits for nobody.
update identity.outbox o
   set attempts = o.attempts + 1, next_attempt_at = clock_timestamp() + $1::interval
  from identity.account a
 where a.account_id = o.account_id
   and o.mail_id = (
           select d.mail_id
             from identity.outbox d
            where d.next_attempt_at <= clock_timestamp() and d.sealed is not null
            order by d.next_attempt_at
            limit 1
              for update skip locked
       )
returning o.mail_id, o.account_id, o.template, o.language, o.sealed, o.created_at, o.attempts, a.email, a.full_name
