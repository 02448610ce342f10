-- Note how far a hotel's ledger was followed: $1 hotel, $2 seq before, $3 seq. Moves no row if it isn't where it was.
update mail.checkpoint set seq = $3, updated_at = clock_timestamp() where hotel_id = $1 and seq = $2
