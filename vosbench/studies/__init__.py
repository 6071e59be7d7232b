"""Studies over many runs or of finished ones: sweeps, plots, overlays, reproductions, inventories."""
