-- Mails by kind and state. A further table of mails joins by `union all`. Locks nothing.
select 'account' as kind,
       case when sent_at is not null then 'sent'
            when next_attempt_at is null then 'failed'
            when attempts > 0 then 'retried'
            else 'waiting' end as state,
       count(*) as mails
  from identity.outbox
 group by 1, 2
union all
select kind,
       case when state in ('waiting', 'sending') then case when attempts > 0 then 'retried' else 'waiting' end
            else state end,
       count(*)
  from mail.message
 group by 1, 2
