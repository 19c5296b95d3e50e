"""Start the command ``gingersnap`` as ``python -m gingersnap``."""

import sys


def main() -> int:
    """Run the command; return 2 if a package that it needs is not installed."""
    try:
        from .migration.cli import main as run
    except ImportError as error:
        print(f"gingersnap: {error}", file=sys.stderr)
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
