"""What a traceback shows of the package's own frames."""

import os
import traceback
from pathlib import Path

import gingersnap

# The package's folder, not a name within a path: a clone's own folder is called gingersnap too.
_PACKAGE = str(Path(gingersnap.__file__).parent) + os.sep


def locals_of_ours(error: BaseException) -> str:
    """Write the local variables of each frame of the package that an error was raised through.

    Raises: AssertionError where there is no such frame: then nothing would be looked at.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename.startswith(_PACKAGE)]
    assert frames
    return "".join(f"{name}={value!r}\n" for frame in frames for name, value in frame.f_locals.items())
