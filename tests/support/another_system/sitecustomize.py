"""Take away what only Linux or Unix has, in every Python process that finds this folder on PYTHONPATH."""

import os
import signal
import sys

for name in ("fcntl", "grp", "pwd", "resource"):
    sys.modules[name] = None  # type: ignore[assignment]  # makes an import fail
for module, names in {
    os: ("posix_fadvise", "pread", "sched_getaffinity", "sched_setaffinity"),
    signal: ("SIGUSR1", "SIGUSR2", "pthread_sigmask"),
}.items():
    for name in names:
        delattr(module, name)
