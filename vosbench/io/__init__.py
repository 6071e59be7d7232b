"""Files, paths, archives, processes and plug-ins: whatever touches the operating system."""
