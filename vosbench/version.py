"""The version of vosbench, and when this process loaded it."""

import time

__version__ = "0.1.0"
LOADED_AT = time.time()
"""When this process began to load the package: code in files that were changed later may not be what runs."""
