"""`python -m propload`: the command line."""

from propload.cli import main

if __name__ == "__main__":
    main()
