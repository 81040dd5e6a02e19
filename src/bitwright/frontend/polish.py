"""Coordinate descent over the numbers of a trained chain of dense layers: fewer digits, and a smaller loss.

When the widths of a small network have been learned, its few hundred weights flip between neighbouring values however
small the steps (Nagel et al., Overcoming oscillations in quantization-aware training, ICML 2022).  Here each weight,
each bias and each fraction of an activation is tried at its neighbours, exactly, on rows of the training set, and moved
where cross entropy plus ``price`` times the cost gets smaller.  The cost counts adder bits: nonzero digits in canonical
signed digit form, times the bits of what they multiply.  Numpy alone; nothing here knows Keras.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitwright.datasets.dataset import Floats

Ints = npt.NDArray[np.int64]
FRACTION = 12
"""Fraction bits of the grid on which weights are moved."""

MOST_FRACTION, LEAST_FRACTION = 6, -2
LEAST_GAIN = 1e-7


@dataclass(slots=True)
class DenseLayer:
    """A layer as hardware has it; its input wraps nowhere.

    ``kernel`` (inputs, outputs) and ``bias`` (outputs,), on their grids; ``fraction`` and ``integer`` (inputs,): bits
    of the quantized inputs.  Inputs of all layers but the first are relu of the layer before, rounded half up.
    """

    kernel: Floats
    bias: Floats
    fraction: Floats
    integer: Floats


def digits(raw: Ints) -> Ints:
    """Nonzero digits of each number in canonical signed digit form: those of ``3n xor n``."""
    size = np.abs(raw)
    return np.bitwise_count((3 * size) ^ size).astype(np.int64)


def neighbours(raw: int) -> set[int]:
    """Numbers to try in the place of one that is not 0: the next ones, those with a digit less, powers of two, 0."""
    size, sign = abs(raw), 1 if raw > 0 else -1
    low, high = size & -size, 1 << (size.bit_length() - 1)
    found = {0, size - low, size + low, size + 2 * low, high, 2 * high}
    found |= {size - 2 * low} if size > 2 * low else set()
    found |= {size + low // 2, size - low // 2} if low >= 1 << (FRACTION - 4) else set()
    return {sign * value for value in found if value <= 1 << FRACTION} - {raw}


class Chain:
    """The layers, the rows that they are tried on, and all that they compute on these."""

    def __init__(self, layers: list[DenseLayer], inputs: Floats, soft: Floats) -> None:
        """``inputs``: quantized, (rows, features); ``soft``: labels (rows, classes)."""
        self.layers, self.inputs, self.soft = layers, inputs, soft
        self.cut_dead()

    def cut_dead(self) -> None:
        """Remove what feeds neurons that nothing reads, then compute everything anew."""
        for layer, reader in zip(self.layers[-2::-1], self.layers[:0:-1], strict=True):
            unread = ~reader.kernel.any(axis=1)
            layer.kernel[:, unread], layer.bias[unread] = 0, 0
        self.compute()

    def compute(self) -> None:
        """Activations, sums and loss of all layers."""
        self.read, self.sums = [self.inputs], []
        for number, layer in enumerate(self.layers):
            self.sums.append(self.read[number] @ layer.kernel + layer.bias)
            if number + 1 < len(self.layers):
                self.read.append(rounded(self.sums[number], self.layers[number + 1].fraction))
        self.loss = self._entropy(self.sums[-1])

    def _entropy(self, logits: Floats) -> float:
        shifted = logits - logits.max(axis=1, keepdims=True)
        return float((np.log(np.exp(shifted).sum(axis=1)) - (shifted * self.soft).sum(axis=1)).mean())

    def width(self, number: int) -> Floats:
        """Bits of each input of a layer, one at least."""
        layer = self.layers[number]
        wide: Floats = np.maximum(layer.integer + layer.fraction + (1 if number == 0 else 0), 1)
        return wide

    def cost(self) -> float:
        """Adder bits of the whole chain."""
        counts = (digits(to_raw(layer.kernel)) for layer in self.layers)
        return float(sum((count * self.width(k)[:, None]).sum() for k, count in enumerate(counts)))

    def loss_with_sum(self, number: int, column: int, sums: Floats) -> float:
        """The loss if one neuron's sums (rows,) were others."""
        if number == len(self.layers) - 1:
            logits = self.sums[number].copy()
            logits[:, column] = sums
            return self._entropy(logits)
        reader = self.layers[number + 1]
        return self.loss_with_input(number + 1, column, rounded(sums, reader.fraction[column]))

    def loss_with_input(self, number: int, column: int, values: Floats) -> float:
        """The loss if one input of a layer were others, (rows,)."""
        layer = self.layers[number]
        change = (values - self.read[number][:, column])[:, None]
        sums = self.sums[number] + change * layer.kernel[column]
        for later in self.layers[number + 1 :]:
            sums = np.asarray(rounded(sums, later.fraction) @ later.kernel + later.bias, np.float32)
        return self._entropy(sums)


def rounded(sums: Floats, fraction: npt.ArrayLike) -> Floats:
    """Relu, rounded half up to so many fraction bits."""
    scale = np.exp2(np.asarray(fraction, np.float32))
    found: Floats = np.asarray(np.floor(np.maximum(sums, 0) * scale + 0.5) / scale, np.float32)
    return found


def to_raw(values: Floats) -> Ints:
    """Weights as integers of the grid."""
    return np.round(np.ldexp(values, FRACTION)).astype(np.int64)


def needed_bits(values: Floats) -> tuple[Floats, Floats]:
    """Integer bits of each value, and its bits from the highest to the lowest that is set, both without a sign."""
    raw = np.abs(np.round(np.ldexp(values.astype(np.float64), 2 * FRACTION))).astype(np.int64)
    high = np.ceil(np.log2(raw + 1.0))
    low = np.log2(np.where(raw > 0, raw & -raw, 1))
    return np.where(raw > 0, high - 2 * FRACTION, 0.0), np.where(raw > 0, high - low, 0.0)


def polish(chain: Chain, price: float, random: np.random.Generator) -> int:
    """One sweep over all numbers in random order; how many were moved."""
    moved = 0
    for kind, number, row, column in _places(chain, random):
        move = {"weight": _weight, "bias": _bias, "fraction": _fraction}[kind]
        if move(chain, number, row, column, price):
            chain.compute()
            moved += 1
    chain.cut_dead()
    return moved


def _places(chain: Chain, random: np.random.Generator) -> list[tuple[str, int, int, int]]:
    found: list[tuple[str, int, int, int]] = []
    for number, layer in enumerate(chain.layers):
        found += [("weight", number, int(i), int(j)) for i, j in np.argwhere(layer.kernel)]
        found += [("bias", number, 0, int(j)) for j in np.flatnonzero(layer.kernel.any(axis=0))]
        read = np.flatnonzero(layer.kernel.any(axis=1)) if number else ()
        found += [("fraction", number, int(i), 0) for i in read]
    return [found[k] for k in random.permutation(len(found))]


def _weight(chain: Chain, number: int, row: int, column: int, price: float) -> bool:
    kernel = chain.layers[number].kernel
    raw = int(to_raw(kernel[row, column]))
    options = sorted(neighbours(raw)) if raw else []
    spent = digits(np.array([raw, *options])) * chain.width(number)[row]
    sums, read = chain.sums[number][:, column], chain.read[number][:, row]
    gains = [
        chain.loss_with_sum(number, column, sums + read * np.float32(np.ldexp(option - raw, -FRACTION)))
        - chain.loss + price * (spent[k] - spent[0])
        for k, option in enumerate(options, start=1)
    ]  # fmt: skip
    best = _best(gains)
    if best is not None:
        kernel[row, column] = np.ldexp(options[best], -FRACTION)
    return best is not None


def _bias(chain: Chain, number: int, _: int, column: int, __: float) -> bool:
    """A bias costs the same whatever it is: half a step of the next rounding up or down, or on its grid."""
    bias, last = chain.layers[number].bias, number + 1 == len(chain.layers)
    step = 2.0 ** -(1 + (4 if last else float(chain.layers[number + 1].fraction[column])))
    near = np.round(bias[column] / step) * step
    options = [value for value in (near - step, near, near + step, 0.0) if value != bias[column]]
    sums = chain.sums[number][:, column]
    best = _best(
        [chain.loss_with_sum(number, column, sums + np.float32(v - bias[column])) - chain.loss for v in options]
    )
    if best is not None:
        bias[column] = options[best]
    return best is not None


def _fraction(chain: Chain, number: int, row: int, _: int, price: float) -> bool:
    """One bit more or less of an activation, which every digit that reads it pays for."""
    layer = chain.layers[number]
    readers = float(digits(to_raw(layer.kernel[row])).sum())
    options = [d for d in (-1, 1) if LEAST_FRACTION <= layer.fraction[row] + d <= MOST_FRACTION]
    sums = chain.sums[number - 1][:, row]
    gains = [
        chain.loss_with_input(number, row, rounded(sums, layer.fraction[row] + d)) - chain.loss + price * d * readers
        for d in options
    ]
    best = _best(gains)
    if best is not None:
        layer.fraction[row] += options[best]
    return best is not None


def _best(gains: list[float]) -> int | None:
    """Which change lowers the objective most; None where none does."""
    least = int(np.argmin(gains)) if gains else 0
    return least if gains and gains[least] < -LEAST_GAIN else None
