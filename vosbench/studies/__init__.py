"""Studies over many runs or of finished ones: sweeps, reproductions, inventories."""
