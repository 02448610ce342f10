-- Drop mails that wait for a day that won't come: $1 their ids. Those that are being sent, or were, stay as they are.
update mail.message set state = 'dropped', error = 'outdated' where message_id = any ($1::uuid[]) and state = 'waiting'
