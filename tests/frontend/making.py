"""What the scripts that make models share: each model in a folder of its own, and what went wrong left there."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from bitwright.errors import BitwrightError
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare


def make_each(flavour: Flavour, folder: str, names: Sequence[str], run: Callable[[Path, str], None]) -> int:
    """Build and import every name; a refusal or a crash is in its ``crash.txt``."""
    prepare(flavour)
    for name in names:
        own = Path(folder) / name
        try:
            run(own, name)
        except BitwrightError as error:
            (own / "crash.txt").write_text(str(error), encoding="utf-8")
        except Exception:
            own.mkdir(parents=True, exist_ok=True)
            (own / "crash.txt").write_text(traceback.format_exc(), encoding="utf-8")
    return 0
