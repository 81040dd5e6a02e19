"""Options without hls4ml: defaults, families, the target."""

from __future__ import annotations

import inspect
import re

import pytest
from plugin import ROOT

from bitwright.errors import ConfigError, UsageError
from bitwright.hls4ml_backend.options import BUILD_KEYWORDS, DEFAULTS, IMPOSSIBLE, choose, refuse_impossible

DOCS = (ROOT / "docs" / "hls4ml-backend.md").read_text(encoding="utf-8")


def test_defaults_are_a_virtex_ultrascale_plus_at_5_ns_with_what_it_has() -> None:
    target = choose({}).target()
    assert (target.part, target.family, target.clock_ns) == ("xcvu13p-flga2577-2-e", "xcup", 5.0)
    assert target.clock_uncertainty == pytest.approx(0.1)
    assert target.available["LUT"] == 1_728_000
    assert choose({"part": None, "clock_period": None}) == choose({}), "None means the default, as with Vitis"


@pytest.mark.parametrize(
    ("part", "family"),
    [
        ("xcvu13p-flga2577-2-e", "xcup"), ("xcku15p-ffva1156-2-e", "xcup"), ("xczu7ev-ffvc1156-2-e", "xcup"),
        ("xcku115-flvb2104-2-i", "xcu"), ("xcvu095-ffva2104-2-e", "xcu"), ("xc7z020-clg400-1", "xc7"),
        ("xc7vx690tffg1927-2", "xc7"), ("xa7a35tcpg236-1I", "xc7"), ("LFE5U-85F-6BG756C", "ecp5"),
    ],
)  # fmt: skip
def test_the_part_decides_the_family_and_no_other_device_is_assumed(part: str, family: str) -> None:
    target = choose({"part": part}).target()
    assert target.family == family
    assert bool(target.available) == (part == DEFAULTS["part"])


def test_a_family_that_is_given_counts() -> None:
    assert choose({"part": "xcv80-lsva4737-2MHP-e-S", "family": "xcup"}).target().family == "xcup"
    with pytest.raises(ConfigError, match="no family is known for the part 'xcv80"):
        choose({"part": "xcv80-lsva4737-2MHP-e-S"})


@pytest.mark.parametrize(("given", "fraction"), [("27%", 0.27), ("12.5 %", 0.125), (0.2, 0.2)])
def test_uncertainty_as_hls4ml_writes_it(given: str | float, fraction: float) -> None:
    assert choose({"clock_uncertainty": given}).clock_uncertainty == pytest.approx(fraction)


@pytest.mark.parametrize("given", [{"clock_uncertainty": "much"}, {"seed": -1}, {"vectors": 0}, {"depth_per_stage": 0}])
def test_wrong_values_are_named(given: dict[str, object]) -> None:
    ((name, value),) = given.items()
    with pytest.raises(ConfigError, match=f"{name}={re.escape(repr(value))}"):
        choose(given)


def test_each_impossible_keyword_of_build_says_what_to_do() -> None:
    for name in IMPOSSIBLE:
        with pytest.raises(UsageError, match=f"{name}=True") as raised:
            refuse_impossible({name: True})
        assert raised.value.hint
    refuse_impossible(dict.fromkeys(BUILD_KEYWORDS, False))


@pytest.mark.hls
def test_the_converters_signature_has_the_options_and_the_documentation_names_them() -> None:
    from bitwright.hls4ml_backend.backend import BitwrightBackend

    parameters = inspect.signature(BitwrightBackend.create_initial_config).parameters
    assert {name: p.default for name, p in parameters.items() if name not in ("self", "unknown")} == DEFAULTS
    missing = [name for name in (*DEFAULTS, *BUILD_KEYWORDS) if f"`{name}" not in DOCS and f"({name}=" not in DOCS]
    assert not missing, "docs/hls4ml-backend.md does not name them"
