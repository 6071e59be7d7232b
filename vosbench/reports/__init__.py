"""Reports: one HTML file about the scores of one or several methods on a split."""
