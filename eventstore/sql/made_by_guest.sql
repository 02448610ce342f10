-- Whether a booking was made by a guest with an account: $1 hotel, $2 booking, $3 the account as events name actors.
-- A member of the hotel who books for others acts in their role there, so what they make isn't theirs. Locks nothing.
select exists (
    select from ledger.event
     where hotel_id = $1 and stream_id = $2 and version = 1 and type in ('BookingHeld', 'BookingMade')
       and metadata ->> 'actor' = $3 and metadata ->> 'role' = 'guest'
)
