"""What a run shows, as plain objects: plotly figures, tables, image arrays, sentences; pages, reports and slides draw them."""
