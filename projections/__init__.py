"""The Celery projectors that carry the folds into the read tables."""
