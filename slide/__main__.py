"""`python -m slide` is the `slide` command."""

from slide.cli import main

if __name__ == "__main__":
    main()
