"""Files, paths, archives, processes and plug-ins: everything that talks to the operating system."""
