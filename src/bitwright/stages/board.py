"""The dashboard of a repository: its history, its zoo and the published points, as a folder of pages."""

from __future__ import annotations

from pathlib import Path

from bitwright.config.published import load_published
from bitwright.errors import UsageError
from bitwright.files import write_text
from bitwright.stages.outcome import HISTORY, open_history


def write_dashboard(root: Path, out: Path) -> int:
    """Write the site into ``out``; all pages are made before the first is written.

    Returns:
        The number of pages.

    Raises:
        UsageError: BITWRIGHT_HISTORY is ``off``, or ``out`` is a file.  BitwrightError: the history cannot be read.
    """
    from bitwright.report.track.dashboard import render_dashboard  # noqa: PLC0415  (it loads SQLAlchemy)
    from bitwright.report.track.history import now  # noqa: PLC0415

    history = open_history(root)
    if history is None:
        raise UsageError("there is no history to show", hint=f"{HISTORY} is 'off'")
    if out.is_file():
        raise UsageError("the site needs a folder", where=str(out), hint="give another one by -o")
    published = load_published(root / "reports" / "published.yaml")
    zoo = [path.parent.name for path in sorted((root / "models").glob("*/model.yaml"))]
    pages = render_dashboard(history.rows(), zoo, published.points, f"{now()[:16].replace('T', ' ')} UTC")
    for name, text in pages.items():
        write_text(out / name, text)
    return len(pages)
