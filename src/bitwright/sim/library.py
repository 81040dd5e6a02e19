"""Shared libraries that a compiler made a moment ago."""

from __future__ import annotations

import ctypes
from pathlib import Path

from bitwright.errors import ToolFailedError


def load_library(path: Path, function: str) -> ctypes.CDLL:
    """Load a library that must hold ``function``.

    Raises:
        ToolFailedError: the compiler said that all is well and left something else.
    """
    try:
        library = ctypes.CDLL(str(path))
        getattr(library, function)
    except (OSError, AttributeError) as error:
        raise ToolFailedError(
            f"g++ left no usable library ({error})",
            where=str(path.parent),
            hint="check what 'g++' is with 'bitwright doctor'",
        ) from error
    return library
