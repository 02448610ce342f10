-- Take a hotel's checkpoint, unless another projector has it: $1 hotel. No row: it is taken, or there is none yet.
-- Locks the checkpoint until the transaction ends. Whoever holds it, and nobody else, writes the hotel's read tables.
select seq, events_applied, checksum, parked_seq from read.checkpoint where hotel_id = $1 for update skip locked
