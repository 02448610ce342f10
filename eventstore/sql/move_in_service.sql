-- More rooms in service, or fewer: $1 hotel, $2 room type, $3 nights, $4 how many more (below zero: fewer), $5 those of
-- the nights on which the allowance makes up for it, by the same number the other way round.
-- Fails on the constraint night_not_oversold where more is sold than would be left. The caller holds the head's lock.
update ledger.night
   set in_service = in_service + $4,
       allowance = allowance - case when night = any ($5::date[]) then $4 else 0 end
 where hotel_id = $1 and room_type = $2 and night = any ($3::date[])
