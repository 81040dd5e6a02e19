"""Small HGQ2 models, imported many at a time: ``python hgq2_models.py FOLDER NAME ...`` (see random_models.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from making import make_each

from bitwright.frontend.flavours import Flavour

SIZE = 6


def spread(model: Any, seed: int) -> None:
    """Different bits for each element, some none, and weights on no particular grid."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        for variable in layer.weights:
            name, shape = variable.path.rsplit("/", 1)[-1], variable.shape
            if ("lut" in variable.path and name in ("f", "i")) or "heads/q_softmax" in variable.path:
                continue  # one format for all elements, with bits: hls4ml takes no other table
            if name in ("f", "b"):
                variable.assign(rng.integers(-2 if name == "f" else 0, 6, shape))
            elif name == "i":
                variable.assign(rng.integers(-1, 4, shape))
            elif name in ("kernel", "bias", "beta", "bn_beta", "moving_mean"):
                variable.assign(rng.normal(size=shape))
            elif name in ("gamma", "bn_gamma", "moving_variance"):
                variable.assign(rng.uniform(0.5, 2, shape))


def builders() -> dict[str, Any]:
    """Models by name, as functions of an input and the modules keras and hgq."""
    import keras
    from hgq import layers as q
    from hgq.config import QuantizerConfig, QuantizerConfigScope

    def wrapping(x: Any) -> Any:
        x = q.QDense(8, activation="relu", name="a")(x)
        return q.QDense(4, name="b")(q.QBatchNormDense(7, activation="relu", name="norm")(x))

    def saturating(x: Any) -> Any:
        scope = QuantizerConfigScope(place="datalane", overflow_mode="SAT", round_mode="RND_CONV")
        symmetric = QuantizerConfigScope(place="datalane", overflow_mode="SAT_SYM", round_mode="TRN")
        with scope:
            x = q.QDense(8, activation="relu", name="a", enable_oq=True)(x)
        with symmetric:
            return q.QDense(4, name="b", enable_oq=True)(q.QBatchNormalization(name="scale")(x))

    def merged(x: Any) -> Any:
        a, b = q.QDense(5, name="a")(x), q.QDense(5, activation="relu", name="b")(x)
        sums = q.QAdd(name="add")([a, b])
        return q.QDense(3, name="c")(q.QMultiply(name="multiply")([sums, b]))

    def einsum(x: Any) -> Any:
        x = keras.layers.Reshape((2, 3), name="shape")(x)
        rows = q.QEinsumDense("bij,jk->bik", (2, 4), bias_axes="k", activation="relu", name="rows")(x)
        turned = q.QEinsumDense("bik,ijk->bjk", (3, 4), bias_axes="jk", name="turned")(rows)
        return q.QEinsumDenseBatchnorm("bjk,jkc->bc", (3,), bias_axes="c", name="all")(turned)

    def distributed(x: Any) -> Any:
        x = q.QDense(8, activation="relu", name="a")(x)
        return q.QDense(4, name="b", enable_oq=True)(q.QBatchNormDense(7, activation="relu", name="c")(x))

    def distributedconv(x: Any) -> Any:
        x = keras.layers.Reshape((3, 2, 1), name="shape")(x)
        x = q.QConv2D(3, (2, 2), padding="same", activation="relu", name="a")(x)
        x = keras.layers.Reshape((6, 3), name="row")(q.QConv2D(3, 1, name="b")(x))
        return q.QConv1D(2, 3, strides=2, name="c", enable_oq=True)(x)

    def distributedeinsum(x: Any) -> Any:
        x = keras.layers.Reshape((2, 3), name="shape")(x)
        rows = q.QEinsumDense("bij,jk->bik", (2, 4), bias_axes="k", activation="relu", name="a")(x)
        return q.QEinsumDense("bik,ijk->bjk", (3, 4), bias_axes="jk", name="b")(rows)

    def table(x: Any) -> Any:
        whole = QuantizerConfig("kif", "datalane", i0=2, f0=3, heterogeneous_axis=())
        entry = QuantizerConfig("kif", "table", i0=1, f0=6, heterogeneous_axis=())
        x = q.QDense(4, name="a")(x)
        options = {"iq_conf": whole, "oq_conf": entry, "enable_oq": True, "allow_heterogeneous_table": False}
        return q.QDense(3, name="b")(q.QUnaryFunctionLUT("tanh", name="lut", **options)(x))

    def softmax(x: Any) -> Any:
        return q.QSoftmax(name="soft")(q.QDense(4, name="a")(x))

    def products(x: Any) -> Any:
        a = q.QDense(6, name="a", enable_oq=True)(x)
        rows, columns = keras.layers.Reshape((2, 3), name="matrix")(a), keras.layers.Reshape((3, 2), name="turned")(x)
        both = q.QEinsum("bij,bjk->bki", name="both")([rows, columns])
        return q.QEinsum("bki,bkj->bkij", name="outer")([both, rows])

    def conv1d(x: Any) -> Any:
        x = keras.layers.Reshape((6, 1), name="shape")(x)
        x = q.QConv1D(3, 3, padding="same", activation="relu", name="a")(x)
        x = q.QMaxPooling1D(2, name="b")(q.QConv1D(2, 1, name="point")(x))
        return q.QGlobalAveragePooling1D(name="c")(q.QConv1D(3, 2, strides=2, name="d")(x))

    def conv2d(x: Any) -> Any:
        x = keras.layers.Reshape((3, 2, 1), name="shape")(x)
        x = q.QConv2D(3, (2, 2), padding="same", name="a", enable_oq=True)(x)
        x = q.QAveragePooling2D((1, 2), name="b")(x)
        return q.QGlobalMaxPooling2D(name="d")(q.QConv2D(2, (3, 1), activation="relu", name="c")(x))

    def dots(x: Any) -> Any:
        a, b = q.QDense(4, name="a")(x), q.QDense(4, name="b")(x)
        mean = q.QAveragePow2(name="mean")([a, b])
        return keras.layers.Concatenate(name="all")([q.QDot(1, name="dot")([a, b]), mean])

    def twice(x: Any) -> Any:
        return q.QAdd(name="twice")([x, x])

    def masked(x: Any) -> Any:
        x = keras.layers.Reshape((3, 2), name="shape")(x)
        return q.QMultiHeadAttention(2, 2, name="heads")(x, x, use_causal_mask=True)

    def attention(x: Any) -> Any:
        x = keras.layers.Reshape((3, 2), name="shape")(x)
        return q.QMultiHeadAttention(2, 2, name="heads")(x, x)

    def linformer(x: Any) -> Any:
        x = keras.layers.Reshape((3, 2), name="shape")(x)
        return q.QLinformerAttention(1, 2, 2, name="heads")(x, x)

    found = [
        conv1d,
        conv2d,
        dots,
        products,
        twice,
        masked,
        attention,
        linformer,
        wrapping,
        saturating,
        merged,
        einsum,
        distributed,
        distributedconv,
        distributedeinsum,
        table,
        softmax,
    ]
    return {builder.__name__: builder for builder in found}


def run(folder: Path, name: str) -> None:
    """Build, save and import the model ``name`` (NAME_SEED)."""
    import keras

    from bitwright.frontend import worker
    from bitwright.frontend.request import ImportRequest

    keras.backend.clear_session()
    kind, seed = name.rsplit("_", 1)
    keras.utils.set_random_seed(int(seed))
    x = keras.Input((SIZE,), name="x")
    model = keras.Model(x, builders()[kind](x), name=kind)
    spread(model, int(seed))
    (folder / "import").mkdir(parents=True)
    model.save(folder / "model.keras")
    distributing = {"distributed": ("a", "b"), "distributedconv": ("a", "b", "c"), "distributedeinsum": ("a", "b")}.get(
        kind, ()
    )
    if distributing:
        lines = [f"  {layer}: {{Strategy: distributed_arithmetic}}\n" for layer in distributing]
        (folder / "hls.yaml").write_text("LayerName:\n" + "".join(lines), encoding="utf-8")
    request = ImportRequest(
        name=f"net_{kind}", model=folder / "model.keras", part="xcvu13p-flga2577-2-e", clock_ns=5, random=1000,
        out=folder / "import", hls_config=folder / "hls.yaml" if distributing else None,
    )  # fmt: skip
    worker.run(request)


def main(argv: list[str]) -> int:
    """Import each; what goes wrong is left in its folder."""
    return make_each(Flavour.HGQ2, argv[1], argv[2:], run)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
