"""Reports: records, parsers, comparison and rendering."""
