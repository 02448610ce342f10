-- Throw a dead letter away: $1 id. The id comes back if it was there to be retried.
delete from ops.dead_letter where dead_letter_id = $1 and retried_at is null returning dead_letter_id
