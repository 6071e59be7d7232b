"""Run the command line as `python -m vosbench`.

Spawned workers import this module, so it imports the command line only when it is the main program.
"""

if __name__ == "__main__":
    from vosbench.cli import main

    main()
