"""The flavours of model files, and what the process of each loads.

QKeras 0.9.0, qkeras-v3 and HGQ2 all install a package named ``qkeras``, and hls4ml chooses its parser by the
version of ``keras``: a process can therefore read one flavour only (docs/decisions/0006).  :mod:`prepare` makes
it ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Flavour(Enum):
    """Which stack of packages reads the file; each runs in a process of its own."""

    KERAS2 = "keras2"
    KERAS3 = "keras3"
    HGQ = "hgq"
    HGQ2 = "hgq2"
    QKERAS_V3 = "qkeras-v3"
    ONNX = "onnx"


@dataclass(frozen=True, slots=True)
class Stack:
    """What the process of one flavour loads.

    Attributes:
        title: the flavour as messages call it.
        keras: 2, 3, or 0 for none.
        overlay: name of the folder of packages that goes before the installed ones; None where none is needed.
        reader: the module that loads it.
        packages: installed packages whose versions the import records, beside the overlay's own.
    """

    title: str
    keras: int
    overlay: str | None
    reader: str
    packages: tuple[str, ...]


KERAS2_PACKAGES = ("tensorflow", "tf-keras", "hls4ml", "numpy")
KERAS3_PACKAGES = ("tensorflow", "keras", "hls4ml", "numpy")

STACKS: dict[Flavour, Stack] = {
    Flavour.KERAS2: Stack("Keras 2 and QKeras 0.9", 2, None, "keras2", (*KERAS2_PACKAGES, "qkeras")),
    Flavour.HGQ: Stack("HGQ 0.2 proxies", 2, "hgq", "hgq", KERAS2_PACKAGES),
    Flavour.KERAS3: Stack("Keras 3", 3, None, "keras3", KERAS3_PACKAGES),
    Flavour.QKERAS_V3: Stack("Keras 3 with qkeras-v3", 3, "qkeras-v3", "qkeras3", KERAS3_PACKAGES),
    Flavour.ONNX: Stack("ONNX or QONNX", 0, "onnx", "onnxmodel", ("hls4ml", "numpy")),
    Flavour.HGQ2: Stack("Keras 3 with HGQ2", 3, "hgq2", "hgq2", KERAS3_PACKAGES),
}
"""One for each flavour."""
