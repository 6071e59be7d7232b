"""Studies of finished runs: sweeps, plots, overlays, reproductions, inventories."""
