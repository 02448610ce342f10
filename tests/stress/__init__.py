"""What holds while workers are killed at random; `make stress` does it at length."""
