"""The read tables and the pure folds that say what each event does to them."""
