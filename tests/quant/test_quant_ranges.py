"""Scales against their formulas in rationals, and the searches against brute force."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from float_models import calibrated, cnn, mlp, planned
from hypothesis import given
from hypothesis import strategies as st

from bitwright.errors import FormatError, UnsupportedLayerError, UsageError
from bitwright.fixed import FixedFormat
from bitwright.quant.fake import on_tensor
from bitwright.quant.layer_plan import covering, fixed_tensor, joined, multipliers
from bitwright.quant.observe import observe
from bitwright.quant.options import Bits, Form, Method, Options, ScaleKind
from bitwright.quant.plan import check_layers, make_plan
from bitwright.quant.ranges import activation_scale, codes, power_of_two, short, symmetric_scale, weight_scales

MAGNITUDES = st.floats(1e-6, 1e6)


@given(MAGNITUDES, st.integers(2, 32))
def test_both_symmetric_forms(magnitude: float, bits: int) -> None:
    m = Fraction(magnitude)
    full, restricted = (symmetric_scale(magnitude, bits, form, signed=True) for form in (Form.FULL, Form.RESTRICTED))
    assert full == pytest.approx(float(2 * m / (2**bits - 1)))
    assert restricted == pytest.approx(float(m / (2 ** (bits - 1) - 1)))
    assert full < restricted
    assert symmetric_scale(magnitude, bits, Form.FULL, signed=False) == pytest.approx(float(m / (2**bits - 1)))


@given(MAGNITUDES)
def test_powers_of_two_and_short_numbers_are_not_below(scale: float) -> None:
    two, few = power_of_two(scale), short(scale, 8)
    assert np.log2(two) == int(np.log2(two))
    assert scale <= two < 2 * scale
    assert scale <= few <= scale * (1 + 2**-7)
    assert (np.frexp(few)[0] * 2**8).is_integer()


@given(st.lists(st.floats(-10, 10), min_size=4, max_size=40), st.integers(2, 8), st.sampled_from(list(Form)))
def test_minmax_reaches_every_value_within_half_a_step(numbers: list[float], bits: int, form: Form) -> None:
    seen = observe(np.array(numbers)[:, None])
    scale = activation_scale(seen, bits, Options(method=Method.MINMAX, form=form), po2=True)
    tensor = fixed_tensor(scale, bits, signed=seen.signed)
    error = np.abs(on_tensor(np.array(numbers), tensor) - numbers).max()
    assert error <= tensor.step / 2 * (1 if form is Form.RESTRICTED else 2) + 1e-12


@pytest.mark.parametrize("po2", [True, False])
def test_mse_is_no_worse_than_any_other_scale_tried(po2: bool) -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_t(3, 4000)
    options = Options(method=Method.MSE)
    for bits in (3, 4, 8):
        scale = activation_scale(observe(values[:, None]), bits, options, po2=po2)
        ends = codes(bits, signed=True)

        def error(s: float, ends: tuple[int, int] = ends) -> float:
            return float(np.square(values - np.clip(np.rint(values / s), *ends) * s).mean())

        best = min(error(scale * 2.0**k) for k in range(-3, 4))
        assert error(scale) <= best * 1.02


def test_percentile_strips_what_is_far_out_and_says_so() -> None:
    model = mlp()
    model.by_name["fc1"].weights["bias"][:] = 0
    from bitwright.quant.calibrate import calibrate

    x = np.random.default_rng(3).normal(0, 1, (2000, 6))
    x[11, 3] = 1e4
    seen = calibrate(model, [x])
    plan = make_plan(model, seen, Bits(8, 8), {}, Options(method=Method.PERCENTILE, percentile=99.9))
    found = plan["x"].clipped
    assert found is not None
    assert (found.farthest[0].value, found.farthest[0].row, found.farthest[0].element) == (1e4, 11, 3)
    assert plan["x"].tensor.high < 8
    whole = make_plan(model, seen, Bits(8, 8), {}, Options(method=Method.MINMAX))
    assert whole["x"].clipped is None
    assert whole["x"].tensor.high >= 1e4 * 0.99


@pytest.mark.parametrize("method", list(Method))
def test_every_method_gives_a_plan_near_the_float_model(method: Method) -> None:
    plan = planned(cnn(), 8, 8, method=method, percentile=99.9)
    assert all(own.tensor.step < 0.2 for own in plan.layers.values())


def test_per_channel_scales_follow_each_channel() -> None:
    weight = np.random.default_rng(1).normal(0, 1, (50, 3)) * np.array([1, 0.25, 0])
    options = Options(weight_method=Method.MINMAX)
    scales = weight_scales(weight, 8, options, po2=True)
    assert scales[0] == 4 * scales[1]
    assert len(weight_scales(weight, 8, Options(per_channel=False), po2=True)) == 1
    assert np.isfinite(scales).all()


def test_formats_hold_what_they_should() -> None:
    assert covering(-3.9, 100.2, 4) == FixedFormat(12, 8, True, *MODES)
    assert covering(0, 255, 0) == FixedFormat(8, 8, False, *MODES)
    a, b = FixedFormat(8, 2, signed=False), FixedFormat(6, 4)
    assert joined(a, b) == FixedFormat(10, 4, True, *MODES)
    tiny = fixed_tensor(2.0**-20, 8, signed=True).format
    assert (tiny.fraction, tiny.integer) == (20, 1)  # QKeras has no range below one
    found = multipliers(np.array([0.7, -0.001, 0.0]), 8)
    assert np.allclose(found.multipliers, [0.7, -0.001, 0], rtol=2**-8)
    assert all((m * 2**found.format.fraction).is_integer() for m in found.multipliers)


MODES = (fixed_tensor(1.0, 2, signed=True).format.rounding, fixed_tensor(1.0, 2, signed=True).format.overflow)


def test_overrides_by_name_and_pattern() -> None:
    model = mlp()
    bits = {"fc*": Bits(3, 4), "fc2": Bits(6, 6)}
    plan = make_plan(model, calibrated(model), Bits(8, 8), bits, Options())
    assert plan["fc1"].weight.bits == 3  # type: ignore[union-attr]
    assert plan["relu1"].tensor.format.width == 4
    assert plan["fc2"].weight.bits == 6  # type: ignore[union-attr]
    assert plan["x"].tensor.format.width == 8


def test_a_name_that_no_layer_has_is_refused() -> None:
    model = mlp()
    with pytest.raises(UsageError, match="no layer is called 'fc11'") as raised:
        make_plan(model, calibrated(model), Bits(8, 8), {"fc11": Bits(3, 3)}, Options())
    assert "did you mean 'fc1'?" in raised.value.hint


@pytest.mark.parametrize("bits", [(1, 8), (8, 33), (0, 0)])
def test_widths_outside_of_2_to_32_are_refused(bits: tuple[int, int]) -> None:
    with pytest.raises(FormatError, match=r"outside 2\.\.32"):
        Bits(*bits)


def test_sums_that_nothing_can_hold_are_refused() -> None:
    with pytest.raises(FormatError, match="more than 63 bits") as raised:
        planned(mlp(), 32, 32)
    assert "fc1" in raised.value.where
    assert planned(mlp(), 32, 16)["fc1"].weight.bits == 32  # type: ignore[union-attr]
    assert planned(mlp(), 2, 32, scale=ScaleKind.AFFINE)["relu1"].tensor.format.width == 32


def test_max_pooling_over_the_edge_is_refused() -> None:
    model = cnn()
    model.by_name["max"].options["padding"] = (1, 1, 1, 1)  # type: ignore[index]
    with pytest.raises(UnsupportedLayerError, match="over the edge") as raised:
        check_layers(model)
    assert "'max'" in raised.value.where
