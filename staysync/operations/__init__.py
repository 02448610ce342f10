"""What an operator works with: schedules and their runs, tasks that failed for good, and how everything stands."""
