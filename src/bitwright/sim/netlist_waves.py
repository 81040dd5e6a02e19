"""Waveforms of one bit with time as the bit index: cycle t is bit ``t % 64`` of word ``t // 64``.

One numpy operation on such a wave evaluates a gate for every cycle at once.
Bits beyond the last cycle are arbitrary: nothing flows backwards in time, so they never reach a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

WORD = 64
ONE = np.uint64(1)
ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


class Span:
    """The cycles of one simulation, with the constant waves and everything that needs their number."""

    def __init__(self, cycles: int) -> None:
        self.cycles = cycles
        self.words = -(-cycles // WORD)
        self.zero: Wave = np.zeros(self.words, dtype=np.uint64)
        self.one: Wave = np.full(self.words, ALL, dtype=np.uint64)

    def constant(self, value: object) -> Wave:
        """The wave that is always 0 or always 1."""
        return self.one if value else self.zero

    def delay(self, wave: Wave, first: object) -> Wave:
        """The wave one cycle later; ``first`` is its value in cycle 0."""
        later: Wave = wave << ONE
        later[1:] |= wave[:-1] >> np.uint64(WORD - 1)
        if first and self.words:
            later[0] |= ONE
        return later

    def _later(self, wave: Wave, cycles: int) -> Wave:
        words, bits = divmod(cycles, WORD)
        moved = np.zeros_like(wave)
        moved[words:] = wave[: self.words - words] << np.uint64(bits)
        if bits:
            moved[words + 1 :] |= wave[: self.words - words - 1] >> np.uint64(WORD - bits)
        return moved

    def register(self, load: Wave, data: Wave, first: object) -> Wave:
        """Output of a flip-flop that takes ``data`` at the end of each cycle in which ``load`` is 1."""
        if load is self.one:
            return self.delay(data, first)
        return self.state(load & data, ~load | data, first)

    def state(self, after_zero: Wave, after_one: Wave, first: object) -> Wave:
        """One bit of state for all cycles at once, whatever it depends on besides itself.

        The two waves say what each cycle makes of a 0 and of a 1, so each cycle is a function from a bit to a bit.
        Doubling composes them: after k steps every place holds the composition of the 2^k cycles up to it.
        """
        zero, one, reach = after_zero, after_one, 1
        while reach < self.cycles:
            before_zero = self._later(zero, reach)
            before_one = ~self._later(~one, reach)  # before the start, nothing changes the bit
            change = zero ^ one
            zero, one = zero ^ (before_zero & change), zero ^ (before_one & change)
            reach *= 2
        return self.delay(one if first else zero, first)

    def pack(self, bits: Bits) -> list[Wave]:
        """Waves of an array of shape (cycles, width), one per column."""
        padded = np.zeros((bits.shape[1], self.words * WORD // 8), dtype=np.uint8)
        packed = np.packbits(np.ascontiguousarray(bits.T), axis=1, bitorder="little")
        padded[:, : packed.shape[1]] = packed
        return list(padded.view("<u8").astype(np.uint64, copy=False))

    def unpack(self, waves: Sequence[Wave]) -> Bits:
        """Array of shape (cycles, width) of waves, one column each."""
        if not waves:
            return np.zeros((self.cycles, 0), dtype=np.uint8)
        stacked = np.stack(waves).astype("<u8", copy=False).view(np.uint8)
        return np.unpackbits(stacked, axis=1, count=self.cycles, bitorder="little").T

    def to_ints(self, waves: Sequence[Wave], *, signed: bool) -> Ints:
        """Integers of shape (cycles,) of waves, least significant first, at most 64 of them."""
        return bits_to_ints(self.unpack(waves), (len(waves),), signed=signed)[:, 0]

    def from_ints(self, values: Ints, width: int) -> list[Wave]:
        """Waves of the low ``width`` bits of integers of shape (cycles,)."""
        return self.pack(ints_to_bits(values[:, None], (width,)))


def ints_to_bits(values: npt.ArrayLike, widths: Sequence[int]) -> Bits:
    """Bits of the elements of each vector, element 0 in the lowest bits, two's complement.

    Args:
        values: integers of shape (vectors, elements); only the low bits of each element are used.
        widths: bits of each element, at most 64.

    Returns:
        Zeros and ones of shape (vectors, sum of the widths), least significant bit first.
    """
    array = np.ascontiguousarray(values, dtype="<i8")
    fields = np.unpackbits(array.view(np.uint8).reshape(*array.shape, 8), axis=2, bitorder="little")
    kept = [fields[:, index, :width] for index, width in enumerate(widths)]
    return np.concatenate(kept, axis=1) if kept else np.zeros((len(array), 0), dtype=np.uint8)


def bits_to_ints(bits: Bits, widths: Sequence[int], *, signed: bool | Sequence[bool]) -> Ints:
    """Inverse of :func:`ints_to_bits`.

    Args:
        bits: zeros and ones of shape (vectors, sum of the widths).
        widths: bits of each element, at most 64.
        signed: for all elements, or for each.

    Returns:
        int64 of shape (vectors, elements).
    """
    signs = [signed] * len(widths) if isinstance(signed, bool) else list(signed)
    fields = np.zeros((len(bits), len(widths), WORD), dtype=np.uint8)
    start = 0
    for index, (width, sign) in enumerate(zip(widths, signs, strict=True)):
        fields[:, index, :width] = bits[:, start : start + width]
        if sign and 0 < width < WORD:
            fields[:, index, width:] = bits[:, start + width - 1, None]
        start += width
    packed = np.packbits(fields, axis=2, bitorder="little")
    return packed.view("<i8")[:, :, 0].astype(np.int64, copy=False)


# ---------------------------------------------------------------- truth tables

Step = tuple[str, int, int, int]


def lookup(table: int, inputs: Sequence[Wave], span: Span) -> Wave:
    """A look-up table: output is bit ``sum(input[i] << i)`` of ``table``."""
    steps, result = lookup_program(table & ((1 << (1 << len(inputs))) - 1), len(inputs))
    if result < 0:
        return span.zero if result == ZERO else span.one
    values = list(inputs)
    for step in steps:
        values.append(_apply(step, values))
    return values[result]


def _apply(step: Step, values: list[Wave]) -> Wave:
    kind, a, b, c = step
    match kind:
        case "not":
            return ~values[a]
        case "and":
            return values[a] & values[b]
        case "or":
            return values[a] | values[b]
        case "xor":
            return values[a] ^ values[b]
        case "andnot":
            return values[a] & ~values[b]
        case "ornot":
            return values[a] | ~values[b]
        case _:
            return values[c] ^ (values[a] & (values[b] ^ values[c]))


ZERO, TRUE = -1, -2


@cache
def lookup_program(table: int, inputs: int) -> tuple[tuple[Step, ...], int]:
    """Few bitwise steps that compute a truth table, by Shannon's expansion with shared cofactors.

    Returns:
        Steps ``(operation, operands)`` on slots (0 to inputs-1 are the inputs, each step adds one), and the
        slot of the result; ``ZERO`` or ``TRUE`` for a constant.
    """
    builder = _Builder(inputs)
    result = builder.build(table, tuple(range(inputs)))
    return tuple(builder.steps), result


class _Builder:
    def __init__(self, inputs: int) -> None:
        self.steps: list[Step] = []
        self._inputs = inputs
        self._known: dict[tuple[int, tuple[int, ...]], int] = {}

    def build(self, table: int, names: tuple[int, ...]) -> int:
        """Slot that holds the function with this truth table over these inputs."""
        full = (1 << (1 << len(names))) - 1
        if table in (0, full):
            return ZERO if table == 0 else TRUE
        key = (table, names)
        if key not in self._known:
            opposite = self._known.get((table ^ full, names))
            slot = self._expand(table, names) if opposite is None else self._step("not", opposite)
            self._known[key] = slot
        return self._known[key]

    def _expand(self, table: int, names: tuple[int, ...]) -> int:
        place, low, high = _best_split(table, len(names))
        rest = names[:place] + names[place + 1 :]
        if low == high:
            return self.build(low, rest)
        chosen, full = names[place], (1 << (1 << len(rest))) - 1
        if low == high ^ full and low not in (0, full):
            return self._step("xor", chosen, self.build(low, rest))
        return self._mux(chosen, self.build(low, rest), self.build(high, rest))

    def _mux(self, chosen: int, low: int, high: int) -> int:
        match low, high:
            case (-1, -2):
                return chosen
            case (-2, -1):
                return self._step("not", chosen)
            case (-1, _):
                return self._step("and", chosen, high)
            case (-2, _):
                return self._step("ornot", high, chosen)
            case (_, -1):
                return self._step("andnot", low, chosen)
            case (_, -2):
                return self._step("or", low, chosen)
            case _:
                return self._step("mux", chosen, high, low)

    def _step(self, kind: str, a: int, b: int = 0, c: int = 0) -> int:
        self.steps.append((kind, a, b, c))
        return self._inputs + len(self.steps) - 1


def _best_split(table: int, inputs: int) -> tuple[int, int, int]:
    """The input to expand by, with the cofactors for 0 and 1: one that makes them trivial, if there is one."""
    full = (1 << (1 << (inputs - 1))) - 1
    choices = [(place, *_cofactors(table, inputs, place)) for place in reversed(range(inputs))]

    def cost(choice: tuple[int, int, int]) -> int:
        _, low, high = choice
        if low == high:
            return 0
        if low in (0, full) or high in (0, full):
            return 1
        return 2 if low == high ^ full else 3

    return min(choices, key=cost)


def _cofactors(table: int, inputs: int, place: int) -> tuple[int, int]:
    low = high = 0
    for index in range(1 << (inputs - 1)):
        below = index & ((1 << place) - 1)
        entry = ((index >> place) << (place + 1)) | below
        low |= (table >> entry & 1) << index
        high |= (table >> (entry | 1 << place) & 1) << index
    return low, high
