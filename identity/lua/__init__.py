"""The scripts of the limits, a file each."""
