"""Specs of the folds and of the read tables' definition."""
