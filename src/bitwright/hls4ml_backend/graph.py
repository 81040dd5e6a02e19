"""hls4ml's graph, with the few methods that would load a library of compiled C++ done by RTL.

``ModelGraph.predict`` and ``build`` ask the backend by themselves; ``compile`` and ``trace`` do not (model/graph.py).
"""

from __future__ import annotations

from typing import Any

from hls4ml.model.graph import ModelGraph

from bitwright.errors import UsageError


class BitwrightGraph(ModelGraph):  # type: ignore[misc]
    """A graph that was converted for this backend; ``simulation`` is there after ``compile``."""

    simulation: Any = None

    def _compile(self) -> None:
        self.simulation = self.config.backend.simulate(self)

    def trace(self, x: Any) -> tuple[Any, dict[str, Any]]:
        """Outputs, and the values of every layer whose config says ``Trace: True``; as ModelGraph.trace."""
        if self.simulation is None:
            self.compile()
        return self.simulation.trace(x)

    def _get_top_function(self, _x: Any) -> Any:
        raise UsageError("there is no C++ to call", where=self.config.get_project_name(), hint="call trace() again")


def adopt(graph: ModelGraph) -> None:
    """Make a graph one of ours, whoever created it; hls4ml names no class of its own for a backend."""
    if type(graph) is ModelGraph:
        graph.__class__ = BitwrightGraph
