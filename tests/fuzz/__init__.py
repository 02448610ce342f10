"""The running service does what its OpenAPI document says, and nothing else."""
