-- Take the mail that has been due longest, and count the attempt before it is made: $1 how long its sender may take
-- before it counts as dead and somebody else takes the mail. No row: nothing is due.
-- Waits for nobody: a mail that another worker is taking is passed over. A booking's mails go in the order of its
-- events, so that no confirmation comes after its cancellation; reminders wait for none and hold up none.
update mail.message
   set state = 'sending', attempts = attempts + 1, due_at = clock_timestamp() + $1::interval
 where message_id = (
           select d.message_id
             from mail.message d
            where d.state in ('waiting', 'sending') and d.due_at <= clock_timestamp()
              and exists (select from read.checkpoint r where r.hotel_id = d.hotel_id and r.seq >= d.seq)
              and not exists (
                      select from mail.message e
                       where e.hotel_id = d.hotel_id and e.booking_id = d.booking_id and e.seq < d.seq
                         and e.state in ('waiting', 'sending')
                         and e.kind in ('confirmation', 'change', 'cancellation')
                  )
            order by d.due_at
            limit 1
              for update of d skip locked
       )
returning message_id, hotel_id, booking_id, seq, version, kind, attempts
