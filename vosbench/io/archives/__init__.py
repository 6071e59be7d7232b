"""Read zip, tar and 7z archives and folders through one interface."""
