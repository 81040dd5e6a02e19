"""Small ONNX and QONNX models: ``python onnx_models.py FOLDER NAME ...`` imports them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from making import make_each

from bitwright.frontend.flavours import Flavour

FINE = "fixed<24,16>"
CHANNELS_LAST = "qonnx.custom_op.channels_last"


class Graph:
    """A graph while it grows: a chain of operators with constants."""

    shape: tuple[int, ...] = (6,)

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = "x"
        self.between: dict[str, tuple[int, ...]] = {}
        """Shapes of tensors in between, where qonnx does not infer them."""

    def constant(self, values: Any) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def add(self, kind: str, *more: str, first: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [first or self.last, *more], [out], name=f"n{out}", **attributes))
        if first is None:
            self.last = out
        return out

    def grid(self, *shape: int) -> Any:
        """Random multiples of 1/4."""
        return self.rng.integers(-6, 7, shape) / 4

    def quant(self, scale: float, bits: int, signed: int, first: str | None = None) -> str:
        """QONNX's quantizer."""
        sizes = [self.constant(value) for value in (scale, 0.0, bits)]
        options = {"narrow": 0, "rounding_mode": "ROUND", "domain": "qonnx.custom_op.general"}
        return self.add("Quant", *sizes, first=first, signed=signed, **options)

    def bipolar(self, first: str | None = None) -> str:
        """QONNX's quantizer to plus and minus one."""
        return self.add("BipolarQuant", self.constant(1.0), first=first, domain="qonnx.custom_op.general")

    def save(self, path: Path, outputs: int) -> None:
        """Write the model with a batch that the file leaves open."""
        import onnx
        from onnx import TensorProto, helper

        first, last, *between = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *shape])
            for name, shape in (("x", self.shape), (self.last, (outputs,)), *self.between.items())
        ]
        graph = helper.make_graph(self.nodes, "g", [first], [last], self.constants, value_info=between)
        domains = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
        onnx.save(helper.make_model(graph, opset_imports=domains), str(path))


def plain(graph: Graph) -> int:
    """Matrix products as MatMul and Add and as Gemm, activations, a softmax."""
    graph.add("MatMul", graph.constant(graph.grid(6, 7)))
    graph.add("Add", graph.constant(graph.grid(7)))
    graph.add("Relu")
    graph.add("Gemm", graph.constant(graph.grid(5, 7)), graph.constant(graph.grid(5)), transB=1)
    graph.add("Relu")
    graph.add("MatMul", graph.constant(graph.grid(5, 3)))
    graph.add("Softmax")
    return 3


def quantized(graph: Graph) -> int:
    """QONNX: quantized weights and activations, as Brevitas and QKeras export them."""
    graph.quant(0.25, 6, 1)
    kernel = graph.quant(0.125, 4, 1, first=graph.constant(graph.rng.normal(size=(6, 7))))
    graph.add("MatMul", kernel)
    graph.add("Relu")
    graph.quant(0.25, 5, 0)
    kernel = graph.quant(0.25, 3, 1, first=graph.constant(graph.rng.normal(size=(7, 3))))
    graph.add("MatMul", kernel)
    graph.quant(0.5, 6, 1)
    return 3


def image(graph: Graph) -> int:
    """Convolutions with padding, one for each channel too, and max pooling, as Keras' exporter turns the axes."""
    graph.shape = (5, 6, 2)
    graph.add("Transpose", perm=[0, 3, 1, 2])
    graph.add("Conv", graph.constant(graph.grid(3, 2, 3, 2)), kernel_shape=[3, 2], strides=[1, 1], pads=[1, 0, 1, 1],
              dilations=[1, 1], group=1)  # fmt: skip
    graph.add("LeakyRelu", alpha=0.5)
    graph.add("Conv", graph.constant(4 * graph.grid(3, 1, 2, 2)), graph.constant(graph.grid(3)), kernel_shape=[2, 2],
              strides=[1, 2], pads=[0, 0, 0, 0], dilations=[1, 1], group=3)  # fmt: skip
    graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    graph.add("Relu")
    graph.add("Transpose", perm=[0, 2, 3, 1])
    graph.add("Flatten")
    graph.add("MatMul", graph.constant(graph.grid(6, 3)))
    return 3


def enlarged(graph: Graph) -> int:
    """Up-sampling as PyTorch exports it, channels last: a Resize whose region of interest is an empty constant."""
    graph.shape = (3, 3, 2)
    graph.add("Conv", graph.constant(graph.grid(2, 1, 1, 2)), kernel_shape=[1, 1], strides=[1, 1], pads=[0, 0, 0, 0],
              dilations=[1, 1], group=1, domain=CHANNELS_LAST)  # fmt: skip
    graph.between[graph.last] = (3, 3, 2)
    graph.add("MaxPool", kernel_shape=[1, 1], strides=[1, 1], pads=[0, 0, 0, 0], ceil_mode=0, domain=CHANNELS_LAST)
    graph.add("Resize", graph.constant(np.zeros(0)), graph.constant([1, 2, 2, 1]), mode="nearest",
              coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    graph.add("Relu")
    graph.add("Flatten")
    graph.add("MatMul", graph.constant(graph.grid(72, 3)))
    return 3


def binary(graph: Graph) -> int:
    """Plus and minus one for data and weights."""
    graph.bipolar()
    kernel = graph.bipolar(first=graph.constant(graph.rng.normal(size=(6, 5))))
    graph.add("MatMul", kernel)
    graph.add("Relu")
    graph.add("MatMul", graph.constant(graph.grid(5, 3)))
    return 3


GRAPHS = {graph.__name__: graph for graph in (plain, quantized, image, enlarged, binary)}


def run(folder: Path, name: str) -> None:
    """Build, save and import the model ``name``."""
    from bitwright.frontend import worker
    from bitwright.frontend.request import ImportRequest

    (folder / "import").mkdir(parents=True)
    graph = Graph(len(name))
    outputs = GRAPHS[name](graph)
    graph.save(folder / "model.onnx", outputs)
    model = f"Model: {{Precision: {{default: '{FINE}'}}}}\n"
    (folder / "hls.yaml").write_text(f"{model}LayerName:\n  global_in: {{Precision: {{result: 'fixed<8,4>'}}}}\n")
    request = ImportRequest(
        name=f"net_{name}", model=folder / "model.onnx", part="xcvu13p-flga2577-2-e", clock_ns=5, random=1000,
        out=folder / "import", hls_config=folder / "hls.yaml",
    )  # fmt: skip
    worker.run(request)


def main(argv: list[str]) -> int:
    """Import each; what goes wrong is left in its folder."""
    return make_each(Flavour.ONNX, argv[1], argv[2:], run)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
