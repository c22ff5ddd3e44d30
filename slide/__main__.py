"""`python -m slide`, and the `slide` command, which hears Ctrl-C while it is being imported."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """See `slide.cli.main`."""
    try:
        from slide.cli import main as run
    except KeyboardInterrupt:
        print("slide: interrupted, nothing is left half written", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
