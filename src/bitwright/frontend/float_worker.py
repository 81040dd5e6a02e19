"""Read a Keras model's float weights: ``python -m bitwright.frontend.float_worker REQUEST``, a process of its own."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from bitwright.errors import BitwrightError, ModelError
from bitwright.files import write_json
from bitwright.frontend.flavours import STACKS, Flavour
from bitwright.frontend.floatfile import save
from bitwright.frontend.modelfile import inspect
from bitwright.frontend.prepare import prepare, reader_of
from bitwright.frontend.request import FloatRequest
from bitwright.frontend.worker import LOOK_S

READABLE = frozenset({Flavour.KERAS2, Flavour.KERAS3, Flavour.QKERAS_V3})


def run(request: FloatRequest) -> None:
    """Write ``float.json`` and ``float.npz`` into ``request.out``."""
    signal.alarm(LOOK_S)  # the HDF5 library may never come back from a scrambled file
    file = inspect(request.model, request.weights)
    signal.alarm(0)
    if file.flavour not in READABLE:
        raise ModelError(
            f"a model of {STACKS[file.flavour].title} is not read as a float model", where=str(request.model),
            hint="give a Keras or QKeras model; one of HGQ goes through 'bitwright run' as it is",
        )  # fmt: skip
    prepare(file.flavour)
    from bitwright.frontend import floatreader

    model = reader_of(file.flavour).load(file.path, file.weights)
    save(floatreader.read(model, request.name), request.out / "float.json")


def main(argv: list[str]) -> int:
    """Read the request, work, and leave ``error.json`` where something went wrong."""
    request = FloatRequest.model_validate_json(Path(argv[1]).read_text(encoding="utf-8"))
    try:
        run(request)
    except BitwrightError as error:
        write_json(request.out / "error.json", error.to_dict())
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
