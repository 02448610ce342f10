"""Measures StaySync on this machine, interleaved and several times, and says whether the targets are met."""
