-- Whether a hotel was ever booked: $1 hotel. Reads few rows: a booked hotel has its first booking early in its ledger.
select exists (
    select from ledger.event where hotel_id = $1 and type in ('BookingHeld', 'BookingMade')
)
