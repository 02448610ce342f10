-- How far a hotel's ledger goes: $1 hotel. Locks nothing, so more may be there by the time it is used.
select seq from ledger.head where hotel_id = $1
