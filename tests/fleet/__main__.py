"""`python -m tests.fleet`: incidents among hosts that share runs; see `tests.fleet.playing`.

Every host imports this module again, so it imports nothing itself.
"""

if __name__ == "__main__":
    import sys

    from tests.fleet.playing import main

    sys.exit(main())
