-- Which of these hotels exist: $1 hotels. Locks nothing.
select hotel_id from ledger.head where hotel_id = any ($1::uuid[])
