"""Polishing: digits as counted one by one, and an objective that only falls."""

import numpy as np
import pytest

from bitwright.frontend.polish import (
    FRACTION,
    Chain,
    DenseLayer,
    digits,
    needed_bits,
    neighbours,
    polish,
    rounded,
    to_raw,
)


def digits_by_hand(number):
    count, number = 0, abs(number)
    while number:
        digit = 2 - number % 4 if number % 2 else 0
        count, number = count + (digit != 0), (number - digit) // 2
    return count


def test_digits_are_those_of_canonical_signed_digits():
    numbers = np.arange(-600, 601)
    assert digits(numbers).tolist() == [digits_by_hand(int(n)) for n in numbers]


def test_neighbours_hold_nought_and_fewer_digits_but_not_the_number_itself():
    for raw in (1, -3, 24, 4095, -4096, 640):
        found = neighbours(raw)
        assert 0 in found
        assert raw not in found
        assert max(map(abs, found)) <= 1 << FRACTION
        assert all(value * raw >= 0 for value in found)


@pytest.mark.parametrize("value", [0.0, 0.25, -0.25, 0.75, -1.5, 3.0, 2.0**-9, -0.6875])
def test_needed_bits_hold_the_value_and_no_bit_less(value):
    integer, width = (float(bits[0]) for bits in needed_bits(np.array([value], np.float32)))
    fraction = width - integer
    if value:
        assert (value * 2**fraction).is_integer()
        assert not (value * 2 ** (fraction - 1)).is_integer()
        assert 2 ** (integer - 1) <= abs(value) < 2**integer
    else:
        assert (integer, width) == (0, 0)


def chain():
    random = np.random.default_rng(3)
    kernels = [np.round(random.normal(size=shape) * 8) / 16 for shape in ((4, 6), (6, 3))]
    layers = [
        DenseLayer(
            kernel.astype(np.float32), np.zeros(kernel.shape[1], np.float32), fraction, np.full(len(kernel), 2.0)
        )
        for kernel, fraction in zip(kernels, (np.full(4, 3.0), np.full(6, 4.0)), strict=True)
    ]
    x = np.round(random.normal(size=(500, 4)) * 8).astype(np.float32) / 8
    return Chain(layers, x, np.eye(3, dtype=np.float32)[np.argmax(x[:, :3], axis=1)])


def test_each_move_is_judged_by_the_very_loss_that_follows():
    found = chain()
    sums = found.sums[0][:, 2] + found.read[0][:, 1] * np.float32(0.25)
    expected = found.loss_with_sum(0, 2, sums)
    found.layers[0].kernel[1, 2] += 0.25
    found.compute()
    assert found.loss == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("price", [0.0, 1e-3])
def test_a_sweep_lowers_loss_plus_price_and_keeps_every_number_on_its_grid(price):
    found, random = chain(), np.random.default_rng(1)
    before = found.loss + price * found.cost()
    assert polish(found, price, random) > 0
    assert found.loss + price * found.cost() < before
    for layer in found.layers:
        assert np.array_equal(np.ldexp(to_raw(layer.kernel), -FRACTION), layer.kernel)


def test_what_nothing_reads_is_cut():
    found = chain()
    found.layers[1].kernel[4] = 0
    found.cut_dead()
    assert not found.layers[0].kernel[:, 4].any()


def test_rounding_is_relu_and_half_up():
    assert rounded(np.array([-1.0, 0.24, 0.25, 0.74]), 1).tolist() == [0.0, 0.0, 0.5, 0.5]
