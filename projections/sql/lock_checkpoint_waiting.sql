-- Take a hotel's checkpoint, waiting for the projector that has it: $1 hotel. No row: there is none yet.
-- Locks the checkpoint until the transaction ends.
select seq, parked_seq from read.checkpoint where hotel_id = $1 for update
