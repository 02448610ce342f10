-- Mails of bookings and accounts, the newest first: $1 state, $2 hotel, $3 made before this instant, or at it with an
-- id before $4, $5 how many at most. Null asks for all. Nothing personal is in it.
select *
  from (
           select message_id as mail_id, kind, state, hotel_id, booking_id, null::uuid as account_id, seq, attempts,
                  error, created_at, case when state in ('waiting', 'sending') then due_at end as due_at, sent_at
             from mail.message
            union all
           select mail_id, template,
                  case when sent_at is not null then 'sent'
                       when sealed is null then 'dropped'
                       when next_attempt_at is null then 'failed'
                       else 'waiting' end,
                  null, null, account_id, null, attempts, last_error, created_at, next_attempt_at, sent_at
             from identity.outbox
       ) as mail
 where ($1::text is null or state = $1)
   and ($2::uuid is null or hotel_id = $2)
   and ($3::timestamptz is null or (created_at, mail_id) < ($3, $4::uuid))
 order by created_at desc, mail_id desc
 limit $5
