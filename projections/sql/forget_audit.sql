-- Begin a hotel's audit anew, with its read tables: $1 hotel. The caller holds the checkpoint's lock.
delete from read.audit where hotel_id = $1
