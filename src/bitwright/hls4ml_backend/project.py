"""The output folder of a graph: a job folder like that of ``bitwright run``, so that the same stages work in it.

The import stage is done here, in the user's process, where hls4ml's graph is; all others are those of
:mod:`bitwright.stages.table`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from bitwright.config import ModelConfig, VectorConfig
from bitwright.errors import ConfigError, UsageError
from bitwright.files import exclusive, write_arrays, write_json
from bitwright.frontend import convert
from bitwright.frontend.lower import lower
from bitwright.hls4ml_backend.options import DEFAULTS, Options, choose
from bitwright.hls4ml_backend.simulation import Port, Simulation
from bitwright.network import Network, load, save
from bitwright.network.text import identity
from bitwright.network.vectors import draw
from bitwright.stages.importing import tree_digest
from bitwright.stages.job import Job, check_folder, prepare
from bitwright.stages.runner import Say, Stage, printer, run_stage
from bitwright.stages.simulation import keep_simulation
from bitwright.stages.table import BY_NAME, NETWORK

Talk = Callable[[str], Say]

OPTIONS = "Bitwright"
"""Where our options stand in the graph's config."""


def options_of(graph: Any) -> Options:
    """The options that the graph was converted with; hls4ml's own keys where ``convert_from_config`` made it."""
    kept, value = graph.config.get_config_value(OPTIONS), graph.config.get_config_value
    if kept is not None:
        return Options.model_validate(kept)
    given = {"part": value("Part"), "clock_period": value("ClockPeriod"), "io_type": value("IOType")}
    return choose({**DEFAULTS, **{key: item for key, item in given.items() if item is not None}})


def network_of(graph: Any) -> Network:
    """The graph as a Network.

    Raises:
        UnsupportedLayerError: a layer or an option of one has no hardware here.
    """
    return lower(graph, graph.config.get_project_name(), options_of(graph).head)


def job_of(graph: Any) -> Job:
    """The graph's output folder."""
    return Job(Path(graph.config.get_output_dir()).resolve())


def write(graph: Any, talk: Talk = printer, *, hls: bool = False) -> Job:
    """Write Network, test vectors and RTL bundle into the graph's output folder.

    Args:
        graph: hls4ml's graph.
        talk: where the progress of each stage is said.
        hls: whether to write hls4ml's C++ too, which ``build`` compares with.

    Raises:
        UsageError: the output folder holds other things.  UnsupportedLayerError: see :func:`network_of`.
    """
    options, network = options_of(graph), network_of(graph)
    job = job_of(graph)
    model = _model_config(graph.config.get_project_name(), options)
    rows = _rows(graph.config.get_config_value("InputData"), network)
    _check_folder(job.folder)
    with exclusive(job.folder):
        prepare(model, options.target(), job.folder, ["hls_model.build()"], [])
        work = partial(_import, graph if hls else None, network, rows, options)
        stage = Stage("import", "lower hls4ml's graph to a Network, draw test vectors", (), NETWORK, work)
        run_stage(stage, job, talk("import"), force=True)
        run_stage(BY_NAME["emit"], job, talk("emit"))
    return job


def _check_folder(folder: Path) -> None:
    try:
        check_folder(folder)
    except UsageError as error:
        raise UsageError(error.what, where=error.where, hint="give another output_dir to the converter") from error


def _model_config(name: str, options: Options) -> ModelConfig:
    vectors = VectorConfig(real=options.vectors, random=options.vectors, bulk=options.bulk, seed=options.seed)
    try:
        return ModelConfig(name=name, source=Path("the graph in memory"), head=options.head, vectors=vectors)
    except ValidationError as error:
        what = f"project_name='{name}' cannot be the name of hardware: {error.errors()[0]['msg']}"
        raise ConfigError(
            what, where="backend 'Bitwright'", hint="use letters, digits and _, a letter first"
        ) from error


def _rows(path: str | None, network: Network) -> npt.NDArray[np.float64] | None:
    """The rows of ``input_data_tb``, which hls4ml's test bench would run: here they lead the test vectors."""
    if path is None:
        return None
    if Path(path).suffix != ".npy" or not Path(path).is_file():
        raise UsageError("input_data_tb is not a .npy file", where=path, hint="save the rows with numpy.save")
    rows = np.load(path, allow_pickle=False)
    size = sum(layer.size for layer in network.inputs)
    if rows.dtype.kind not in "fiu" or rows.ndim < 2 or rows[0].size != size:
        what = f"input_data_tb holds {rows.dtype} of shape {rows.shape}"
        raise UsageError(what, where=path, hint=f"give (rows, ...) numbers, {size} in each row")
    return np.asarray(rows.reshape(len(rows), size), dtype=np.float64)


def _import(
    graph: Any, network: Network, rows: npt.NDArray[np.float64] | None, options: Options, _job: Job, out: Path, say: Say
) -> dict[str, Any]:
    """What the import stage leaves, without Keras: whether types are wide enough for it is the user's to judge."""
    real = 0 if rows is None else min(len(rows), options.vectors)
    vectors = draw(network, rows, real, options.vectors, options.seed)
    save(network, out / "network.json")
    write_arrays(out / "vectors.npz", {"x": vectors.x, "real": np.array(vectors.real)})
    write_arrays(out / "labels.npz", {"y": np.zeros(0, dtype=np.int64)})
    write_arrays(out / "keras.npz", {"y": np.zeros((0, sum(network.layer(n).size for n in network.heads)))})
    project: dict[str, str] = {}
    if graph is not None:
        with _as_hls_project(graph):
            convert.write_project(graph, out, identity(network))
        project = tree_digest(out / "hls")
    write_json(out / "project.json", project)
    versions = {name: importlib.metadata.version(name) for name in ("hls4ml", "numpy")}
    write_json(out / "import.json", {"vectors": len(vectors.x), "real": vectors.real, "versions": versions})
    say(f"{len(network.layers)} layers, {len(vectors.x)} vectors")
    return {}


@contextlib.contextmanager
def _as_hls_project(graph: Any) -> Iterator[None]:
    """The graph's config as the HLS writer needs it for a project that traces every layer, then as it was."""
    config, traces = graph.config.config, {node: node.get_attr("trace", False) for node in graph.get_layers()}
    before, trace_output = dict(config), graph.config.trace_output
    config.update(OutputDir="hls", InputData=None)
    config.pop("KerasModel", None)  # a copy of the model is not wanted
    for node in traces:
        node.set_attr("trace", True)
    try:
        yield
    finally:
        config.clear()
        config.update(before)
        graph.config.trace_output = trace_output
        for node, trace in traces.items():
            node.set_attr("trace", trace)


def simulation_for(graph: Any, say: Say) -> Simulation:
    """The simulation of a graph that was written, for floats."""
    job = job_of(graph)
    network = load(job.stage("import") / "network.json")
    ports = [
        Port(layer.result, integer="IntegerPrecisionType" in _precision_names(variable))
        for layer, variable in zip(network.inputs, graph.get_input_variables(), strict=True)
    ]
    traced = tuple(n.name for n in graph.get_layers() if n.get_attr("function_cpp") and n.get_attr("trace", False))
    return Simulation(network, keep_simulation(job, say), ports, traced)


def _precision_names(variable: Any) -> set[str]:
    return {kind.__name__ for kind in type(variable.type.precision).__mro__}
