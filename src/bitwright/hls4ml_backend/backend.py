"""The backend class: hls4ml's Vitis flow decides types and graph, our rooms make and judge the hardware."""

from __future__ import annotations

from typing import Any

from hls4ml.backends.backend import get_backend
from hls4ml.backends.fpga.fpga_backend import FPGABackend
from hls4ml.backends.vitis.vitis_backend import VitisBackend
from hls4ml.model.flow import register_flow
from hls4ml.model.optimizer import model_optimizer
from hls4ml.writer.writers import Writer

from bitwright.errors import UsageError
from bitwright.hls4ml_backend.hlsconfig import check_hls_config, note_made
from bitwright.hls4ml_backend.options import (
    BUILD_KEYWORDS,
    DEFAULTS,
    NAME,
    WHERE,
    choose,
    refuse_impossible,
    refuse_unknown,
)

VITIS = "Vitis"


class SplitWriter(Writer):  # type: ignore[misc]
    """What a MultiModelGraph asks, past the backend's own writer (model/graph.py)."""

    def write_hls(self, model: Any, **_split: bool) -> None:
        """Refuse."""
        name = model.config.get_project_name()
        raise UsageError(
            "a MultiModelGraph has no RTL", where=name, hint="convert and build the whole model as one graph"
        )


class BitwrightWriter(SplitWriter):
    """Writes the RTL bundle where other backends write HLS."""

    def write_hls(self, model: Any, **_split: bool) -> None:
        """Write network, vectors and RTL into the graph's output folder."""
        from bitwright.hls4ml_backend.project import write

        write(model)


class BitwrightBackend(VitisBackend):  # type: ignore[misc]
    """Lowered from the very graph that Vitis would compile: same passes, same types, same bits."""

    def __init__(self) -> None:
        FPGABackend.__init__(self, name=NAME)
        self._register_layer_attributes()
        self._register_flows()

    def _register_flows(self) -> None:
        """Vitis' flow as a whole between two passes of ours; passes of hls4ml ask for a backend's name."""
        start = register_flow("start", ["bitwright:check_config", "bitwright:as_vitis"], backend=NAME)
        passes = ["bitwright:as_bitwright", "bitwright:demand_hardware"]
        self._default_flow = register_flow("ip", passes, requires=[start, "vitis:ip"], backend=NAME)
        self._writer_flow = register_flow("write", ["bitwright:write_hls"], requires=[self._default_flow], backend=NAME)

    # --- the passes ----------------------------------------------------------------------------

    @model_optimizer()  # type: ignore[untyped-decorator]
    def check_config(self, model: Any) -> None:
        """Refuse keys that hls4ml would ignore, and a test bench that does not exist."""
        from hls4ml.model.layers import layer_map

        config = model.config.config
        if config.get("OutputPredictions") is not None:
            raise UsageError(
                "output_data_tb is for Vitis' C++ test bench, and there is none", where=WHERE,
                hint="leave it out; compare with predict()",
            )  # fmt: skip
        check_hls_config(config, list(model.get_layers()), layer_map)
        model.names_before = list(config["HLSConfig"].get("LayerName") or {})

    @model_optimizer()  # type: ignore[untyped-decorator]
    def as_vitis(self, model: Any) -> None:
        """Let the graph be Vitis' until its flow is through; leave a final softmax out where only logits are wanted."""
        from hls4ml.model.layers import Softmax

        from bitwright.hls4ml_backend.project import options_of

        for node in model.get_layers():
            if isinstance(node, Softmax) and options_of(model).head != "model" and node.outputs[0] in model.outputs:
                node.set_attr("skip", True)
        model.config.config["Backend"], model.config.backend = VITIS, get_backend(VITIS)

    @model_optimizer()  # type: ignore[untyped-decorator]
    def as_bitwright(self, model: Any) -> None:
        """The graph is ours again."""
        from bitwright.frontend.convert import mend_softmax
        from bitwright.hls4ml_backend.graph import adopt

        model.config.config["Backend"], model.config.backend = NAME, self
        note_made(model.config.config, model.__dict__.pop("names_before", ()))
        mend_softmax(model)
        adopt(model)

    @model_optimizer()  # type: ignore[untyped-decorator]
    def demand_hardware(self, model: Any) -> None:
        """Say at once what has no hardware, before a file is written."""
        from bitwright.hls4ml_backend.project import network_of

        network_of(model)

    # --- what hls4ml calls ---------------------------------------------------------------------

    def create_layer_class(self, layer_class: type) -> type:
        """Vitis' own class of a layer."""
        made: type = get_backend(VITIS).create_layer_class(layer_class)
        return made

    def create_initial_config(
        self,
        part: str | None = DEFAULTS["part"],
        clock_period: float | None = DEFAULTS["clock_period"],
        clock_uncertainty: str | float | None = DEFAULTS["clock_uncertainty"],
        io_type: str | None = DEFAULTS["io_type"],
        *,
        family: str | None = DEFAULTS["family"],
        head: str = DEFAULTS["head"],
        depth_per_stage: float = DEFAULTS["depth_per_stage"],
        vectors: int = DEFAULTS["vectors"],
        bulk: int | None = DEFAULTS["bulk"],
        seed: int = DEFAULTS["seed"],
        **unknown: Any,
    ) -> dict[str, Any]:
        """The configuration of a conversion.

        Args:
            part: the FPGA.
            clock_period: in ns.
            clock_uncertainty: ``'10%'`` or a fraction of the period.
            io_type: ``io_parallel``, or ``io_stream``: images and sequences a pixel per beat.
            family: what Yosys synthesizes for: ``xcup``, ``xcu``, ``xc7``, ``ecp5``, ``ice40`` or ``gowin``; by the
                part if not given.
            head: ``model``: the hardware holds every layer; ``logits``: a final softmax is left out; ``argmax``:
                in its place stands the index of the largest output.
            depth_per_stage: adder depths between two pipeline registers (alkaid's delay unit).
            vectors: random vectors on which ``build`` compares all oracles.
            bulk: further random vectors on which it compares RTL and reference; 1,000,000 at II 1 by default.
            seed: of those vectors.
            unknown: nothing else is taken.

        Raises:
            ConfigError: an unknown option, with the nearest known one; or a wrong value.
        """
        options = choose({
            "part": part, "clock_period": clock_period, "clock_uncertainty": clock_uncertainty, "io_type": io_type,
            "family": family, "head": head, "depth_per_stage": depth_per_stage, "vectors": vectors, "bulk": bulk,
            "seed": seed, **unknown,
        })  # fmt: skip
        config: dict[str, Any] = super().create_initial_config(
            options.part, options.clock_period, f"{100 * options.clock_uncertainty:g}%", options.io_type
        )
        config["Bitwright"] = options.model_dump(mode="json")
        return config

    def write(self, model: Any) -> None:
        """Write the RTL bundle."""
        from bitwright.hls4ml_backend.graph import adopt

        adopt(model)
        super().write(model)

    def compile(self, model: Any) -> str:
        """Build the simulation of what was written; the path of its library."""
        from bitwright.hls4ml_backend.project import job_of
        from bitwright.stages.runner import printer
        from bitwright.stages.simulation import keep_simulation

        return str(keep_simulation(job_of(model), printer("compile")).library)

    def simulate(self, model: Any) -> Any:
        """The simulation behind ``predict`` and ``trace`` of a graph that was written."""
        from bitwright.hls4ml_backend.project import simulation_for
        from bitwright.stages.runner import printer

        return simulation_for(model, printer("compile"))

    def predict(self, model: Any, x: Any) -> Any:
        """Outputs of the simulated RTL; see :meth:`.simulation.Simulation.predict`."""
        simulation = getattr(model, "simulation", None)
        if simulation is None:
            raise UsageError(
                "the model is not compiled", where=model.config.get_project_name(), hint="call compile() first"
            )
        return simulation.predict(x)

    def build(
        self, model: Any, synth: bool = True, reset: bool = False, log_to_stdout: bool = True, **asked: Any
    ) -> Any:
        """Compare hls4ml's C++, the reference and the RTL, synthesize with Yosys, and report.

        Args:
            model: hls4ml's graph.
            synth: whether to synthesize.
            reset: whether to do again what did not change.
            log_to_stdout: whether progress goes to the terminal (standard error); else to ``build_stdout.log``.
            asked: hls4ml's other keywords, of which each True one is an error that says what to do instead.

        Returns:
            BuildReport: the typed report, which can also be read with hls4ml's keys.

        Raises:
            ConfigError: an unknown keyword.  UsageError: RTL cannot give what is asked.
            MismatchError: bits differ.
        """
        refuse_unknown(set(asked) - set(BUILD_KEYWORDS), BUILD_KEYWORDS, "keyword")
        refuse_impossible(asked)
        from bitwright.hls4ml_backend.building import build

        return build(model, synth=synth, reset=reset, log_to_stdout=log_to_stdout)
