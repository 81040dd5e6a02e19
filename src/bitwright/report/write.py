"""The report's three files, from one record."""

from __future__ import annotations

from pathlib import Path

from bitwright.files import write_text
from bitwright.report.oracles import gated
from bitwright.report.records import Report
from bitwright.report.render_html import render_html
from bitwright.report.render_json import render_json
from bitwright.report.render_md import render_md


def write_report(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write report.json, report.md and report.html; all are made before the first is written.

    An accuracy that the oracles do not carry is left out of all three (:func:`.oracles.gated`).

    Args:
        report: what to write.
        folder: where; made if missing.

    Returns:
        The three paths.
    """
    report = gated(report)
    texts = {
        "report.json": render_json(report),
        "report.md": render_md(report),
        "report.html": render_html(report),
    }
    for name, words in texts.items():
        write_text(folder / name, words)
    return tuple(folder / name for name in texts)
