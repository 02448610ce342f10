-- Note how a run of a schedule has ended: $1 name, $2 outcome, $3 error.
update ops.schedule
   set ended_at = clock_timestamp(), outcome = $2, error = $3,
       runs = runs + 1, failures = failures + ($2 = 'failed')::integer
 where name = $1
