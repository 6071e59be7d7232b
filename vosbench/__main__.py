"""`python -m vosbench`. Nothing else lives here: spawned workers import it, and shall not pay for the command line."""

if __name__ == "__main__":
    from vosbench.cli import main

    main()
