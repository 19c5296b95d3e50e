"""Pin what each requirements/NAME.in names, and all that it needs, in requirements/NAME.txt: the same version in each.

Runs pip alone, and installs nothing. ``--keep`` leaves pinned what is pinned.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def resolve(files: list[Path], constraints: Path) -> dict[str, str]:
    """Ask pip for a version of everything that these files need; names as their packages spell them."""
    given = [part for path in files for part in ("--requirement", str(path))]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run", "--ignore-installed"]
    told = subprocess.run(  # noqa: S603 (our own command)
        [*command, "--quiet", "--report", "-", "--constraint", str(constraints), *given],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    installs = json.loads(told)["install"]
    return {package["metadata"]["name"]: package["metadata"]["version"] for package in installs}


def write(path: Path, pins: dict[str, str]) -> None:
    """Write the pins by name, one a line."""
    path.write_text(
        "".join(f"{name}=={version}\n" for name, version in sorted(pins.items(), key=lambda pin: pin[0].lower())), "utf-8"
    )


def main() -> None:
    """Resolve all files together, then each by itself with what came out of that."""
    files = sorted(HERE.glob("*.in"))
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "all.txt"
        constraints.write_text("", "utf-8")
        if "--keep" in sys.argv:
            kept = {
                line for path in HERE.glob("*.txt") for line in re.findall(r"^\S+==\S+$", path.read_text("utf-8"), re.MULTILINE)
            }
            constraints.write_text("\n".join(sorted(kept)), "utf-8")
        write(constraints, resolve(files, constraints))
        for path in files:
            print(f"pinning {path.name}", flush=True)  # noqa: T201
            write(path.with_suffix(".txt"), resolve([path], constraints))


if __name__ == "__main__":
    main()
