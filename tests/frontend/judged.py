"""What Keras says about an imported model, vector by vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitwright.files import read_arrays
from bitwright.fixed import to_float
from bitwright.network import load
from bitwright.network.float32 import float32_exact
from bitwright.network.reference import Reference


def equal_to_keras(folder: Path) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Of each vector of the import in ``folder``: whether Keras gives the same bits, and whether it must."""
    network = load(folder / "import" / "network.json")
    x, keras = (read_arrays(folder / "import" / f"{n}.npz")[k] for n, k in (("vectors", "x"), ("keras", "y")))
    values = Reference(network).layers(x)
    ours = [to_float(values[name], network.layer(name).result.fraction) for name in network.outputs]
    equal = (np.concatenate(ours, axis=1) == keras).all(axis=1)
    return equal, float32_exact(network, values)[0]
