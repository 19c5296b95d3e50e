"""The cores that this interpreter has: the native one and its pure twin, or the twin alone."""

from importlib.util import find_spec
from types import ModuleType

import pytest

from gingersnap import _pure

BACKENDS: dict[str, ModuleType] = {"pure": _pure}

# PyPy and Emscripten have no native module; where there is one, it has to load.
if find_spec("gingersnap._native") is not None:
    from gingersnap import _native

    BACKENDS = {"native": _native, **BACKENDS}

NO_NATIVE = "this interpreter has no native module: make test builds one for CPython"

needs_native = pytest.mark.skipif("native" not in BACKENDS, reason=NO_NATIVE)
"""Marks a test of what only the native core can do wrong, as to panic."""
