"""``python import_many.py FILE``: run the import worker on every request of a JSON list, in one process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bitwright.errors import BitwrightError
from bitwright.frontend import worker
from bitwright.frontend.request import ImportRequest


def main(argv: list[str]) -> int:
    """Import each; a refusal is left in its folder as error.json."""
    for data in json.loads(Path(argv[1]).read_text(encoding="utf-8")):
        request = ImportRequest.model_validate(data)
        request.out.mkdir(parents=True)
        try:
            worker.run(request)
        except BitwrightError as error:
            (request.out.parent / "error.json").write_text(json.dumps(error.to_dict()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
