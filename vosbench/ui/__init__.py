"""A page in the browser on which objects are clicked, tracked, corrected and exported: a thin shell over a session."""
