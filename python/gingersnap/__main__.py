"""``python -m gingersnap`` is the command ``gingersnap``, which this starts."""

import sys


def main() -> int:
    """Run the command; 2 where what it needs is not installed."""
    try:
        from .migration.cli import main as run
    except ImportError as error:
        print(f"gingersnap: {error}", file=sys.stderr)
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
