-- Whether there is a mail with an id: $1.
select exists (select from mail.message where message_id = $1) or exists (select from identity.outbox where mail_id = $1)
