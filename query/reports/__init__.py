"""Reports: figures and lists of one hotel, as docs/reports.md defines them: pure functions over what SQL has summed."""
