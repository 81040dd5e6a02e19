"""Small recurrent Keras 2 models: ``python recurrent_models.py FOLDER`` writes them, each with its hls config."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare

SMALL, WIDE = "fixed<12,4>", "fixed<16,6>"


def models() -> dict[str, tuple[Any, int, str]]:
    """Each model with the reuse factor and the type of its recurrent layer."""
    from tf_keras import Sequential, layers

    def made(shape: tuple[int, int], *more: Any) -> Any:
        return Sequential([layers.Input(shape, name="in_1"), *more])

    both = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="cell")
    return {
        "lstm": (made((4, 3), layers.LSTM(3, name="cell"), layers.Dense(2, name="out")), 3, SMALL),
        "gru": (made((5, 3), layers.GRU(4, return_sequences=True, name="cell")), 3, SMALL),
        "bidirectional": (made((3, 2), both), 4, SMALL),
        "large": (made((20, 6), layers.LSTM(32, name="cell"), layers.Dense(5, name="out")), 96, WIDE),
    }


def main(argv: list[str]) -> int:
    """Write all of them."""
    prepare(Flavour.KERAS2)
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    for name, (model, reuse, fmt) in models().items():
        model.save(str(Path(argv[1]) / f"{name}.h5"))
        weights = ", ".join(f"{key}: 'fixed<8,2>'" for key in weight_types(name))
        out = "  out: {Precision: {weight: 'fixed<6,2>', bias: 'fixed<6,2>'}}\n" if len(model.layers) > 1 else ""
        (Path(argv[1]) / f"{name}.yaml").write_text(
            "LayerName:\n"
            f"  in_1: {{Precision: {{result: '{fmt}'}}}}\n"
            f"  cell: {{Strategy: Resource, ReuseFactor: {reuse}, TableSize: 256, Precision: {{result: '{fmt}',"
            f" accum: '{fmt}', {weights}}}}}\n" + out,
            encoding="utf-8",
        )
    return 0


def weight_types(name: str) -> list[str]:
    """The types of weights that hls4ml's config has for this model."""
    sides = ("forward_", "backward_") if name == "bidirectional" else ("",)
    return [f"{side}{key}" for side in sides for key in ("weight", "recurrent_weight", "bias")]


if __name__ == "__main__":
    sys.exit(main(sys.argv))
