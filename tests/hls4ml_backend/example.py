"""The example of docs/hls4ml-backend.md as it stands there, then questions about what it left; in the folder at hand.

Answers go to results.json: one entry for each question.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DOCS = Path(__file__).parents[2] / "docs" / "hls4ml-backend.md"
RESULTS: dict[str, Any] = {}


def said(function: Callable[[], Any]) -> str:
    """The error that a call ends in; empty if it ends in none."""
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def same(ours: Any, theirs: Any) -> bool:
    """The same shapes, dtypes and bits, in lists too."""
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours.shape == theirs.shape and ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


def floats(names: dict[str, Any]) -> None:
    """predict and trace against hls4ml's C++, with odd floats, dtypes and shapes."""
    ours, cpp, rows = names["hls_model"], names["vitis"], names["rows"]
    odd = np.array([[1e30, -1e30, 1e-30, -1e-30], [0, -0.0, 5e-324, -5e-324], [2**-9, -(2**-9), 32768, -32768.5]])
    RESULTS["predict"] = {
        "float64": same(ours.predict(rows), cpp.predict(rows)),
        "odd": same(ours.predict(odd), cpp.predict(odd)),
        "float32": same(ours.predict(rows.astype(np.float32)), cpp.predict(rows.astype(np.float32))),
        "one row": same(ours.predict(rows[:1]), cpp.predict(rows[:1])),
        "one row without its axis": same(ours.predict(rows[0]), cpp.predict(rows[0])),
        "not contiguous": same(ours.predict(rows[::2]), cpp.predict(np.ascontiguousarray(rows[::2]))),
    }
    (y, values), (y_cpp, values_cpp) = ours.trace(rows), cpp.trace(rows)
    RESULTS["trace"] = same(y, y_cpp) and {name: same(values[name], values_cpp[name]) for name in values_cpp}
    simulation = ours.simulation
    RESULTS["errors of predict"] = [
        said(lambda: ours.predict(rows[:, :3])), said(lambda: ours.predict(rows.tolist())),
        said(lambda: ours.predict(rows.astype(int))), said(lambda: ours.predict(np.full((2, 4), np.nan))),
        said(lambda: ours.predict(rows[:0])),
    ]  # fmt: skip
    true_bulk = simulation._bulk

    class Wrong:
        def outputs(self, raw: Any) -> Any:
            return true_bulk.outputs(raw) ^ 1

    simulation._bulk = Wrong()
    RESULTS["trace of wrong hardware"] = said(lambda: ours.trace(rows))
    simulation._bulk = true_bulk


def reports(names: dict[str, Any]) -> None:
    """What build returns, the first time and later."""
    report, model = names["report"], names["hls_model"]
    RESULTS["report"] = {"typed": json.loads(report.model_dump_json()), "hls4ml": dict(report), "text": str(report)}
    started = time.perf_counter()
    again = model.build(csim=False, synth=True, export=False, log_to_stdout=False)
    RESULTS["again"] = {"seconds": time.perf_counter() - started, "hls4ml": dict(again)}
    shutil.rmtree("prj/synth")
    without = model.build(synth=False)
    RESULTS["without synthesis"] = {"hls4ml": dict(without), "status": without.status.value}
    RESULTS["log"] = Path("prj/build_stdout.log").read_text()


def keywords(names: dict[str, Any]) -> None:
    """Wrong keywords and what RTL cannot give."""
    build = names["hls_model"].build
    wrong = ("sinth", "csim", "cosim", "validation", "export", "vsynth", "fifo_opt")
    RESULTS["errors of build"] = {name: said(lambda name=name: build(**{name: True})) for name in wrong}


def conversions(names: dict[str, Any]) -> None:
    """Wrong options and keys: an error each, and no file."""
    from hls4ml.converters import convert_from_keras_model
    from hls4ml.utils import config_from_keras_model

    model, config = names["model"], names["config"]

    def convert(hls_config: Any = config, **options: Any) -> Any:
        options = {"output_dir": "bad", **options}
        return convert_from_keras_model(model, hls_config=hls_config, backend="Bitwright", **options)

    cases: list[dict[str, Any]] = [
        {"clok_period": 4}, {"io_type": "io_serial"}, {"namespace": "a"}, {"head": "soft"}, {"part": "foo"},
        {"clock_period": -1}, {"bulk": "many"}, {"output_data_tb": "y.npy"}, {"board": "pynq"},
    ]  # fmt: skip
    RESULTS["errors of options"] = {str(case): said(lambda case=case: convert(**case)) for case in cases}

    def changed(*path: str) -> Any:
        new = copy.deepcopy(config)
        inner = new
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = {} if path[-2] in ("LayerName", "LayerType") else "fixed<70,6>"
        return new

    keys = [
        ("LayerName", "dense", "ReuseFactr"), ("LayerName", "dens"), ("LayerName", "dense", "Precision", "acum"),
        ("Model", "Precison"), ("Model", "Precision", "defalt"), ("LayerType", "Dens"),
        ("LayerName", "dense", "Precision", "accum"),
    ]  # fmt: skip
    RESULTS["errors of keys"] = {".".join(key): said(lambda key=key: convert(changed(*key))) for key in keys}
    other = convert()
    RESULTS["errors before compile"] = said(lambda: other.predict(names["rows"]))
    RESULTS["errors of write"] = {
        "name": said(convert(project_name="module").write),
        "rows": said(convert(input_data_tb="no.npy").write),
    }
    RESULTS["no file"] = not Path("bad").exists()
    RESULTS["errors of write"]["folder"] = said(convert(output_dir="prj_vitis").write)
    vitis = config_from_keras_model(model, granularity="name", backend="Vitis")
    RESULTS["same config"] = config_from_keras_model(model, granularity="name", backend="bitwright") == vitis


def profiling(names: dict[str, Any]) -> None:
    """hls4ml's numerical profiling; it needs seaborn."""
    try:
        import seaborn  # noqa: F401
    except ImportError:
        RESULTS["numerical"] = None
        return
    from hls4ml.model.profiling import numerical

    figures = numerical(hls_model=names["hls_model"], X=names["rows"])
    RESULTS["numerical"] = [type(figure).__name__ for figure in figures]


def main() -> None:
    """Run the example, ask, write the answers."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec("\n".join(blocks), names)
    RESULTS["blocks"] = len(blocks)
    for ask in (floats, profiling, reports, keywords, conversions):
        ask(names)
    Path("results.json").write_text(json.dumps(RESULTS))


main()
