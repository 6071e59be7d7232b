"""`python -m vosbench`. Nothing else lives here: spawned workers cannot import from it."""

from vosbench.cli import main

if __name__ == "__main__":
    main()
