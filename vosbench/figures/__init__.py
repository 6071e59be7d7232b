"""What is drawn of results: plots, contact sheets and videos of masks."""
