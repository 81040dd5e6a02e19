"""What changed between two runs: model, config, tool version or our code, by their digests and versions."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from bitwright.report.records import Record
from bitwright.report.track.headline import Provenance

_MODEL = ("model", "weights", "rows")
_SHORT = 12


class Change(Record):
    """One thing that differs; ``what`` is model, config, tool version or our code."""

    what: str
    detail: str

    def __str__(self) -> str:
        return f"{self.what} ({self.detail})"


def changes(before: Provenance, after: Provenance) -> tuple[Change, ...]:
    """Everything that can have moved a figure between two runs, most telling first."""
    return (*_inputs(before, after), *_command(before, after), *_tools(before, after), *_code(before, after))


def described(found: tuple[Change, ...]) -> str:
    """``changed: config (hls_config: jet3.yaml)``, or that nothing recorded did."""
    if not found:
        return "nothing that was recorded changed: model, config, tool versions and our code are the same"
    groups = {change.what: [c.detail for c in found if c.what == change.what] for change in found}
    return "changed: " + "; ".join(f"{what} ({', '.join(details)})" for what, details in groups.items())


def _inputs(before: Provenance, after: Provenance) -> Iterator[Change]:
    """Files of the model first, then those of its configuration; a renamed file of the same content is none."""
    old, new = (_by_role(run.inputs) for run in (before, after))
    roles = sorted({*old, *new}, key=lambda role: (role not in _MODEL, role))
    for role in roles:
        (name, sha), (other, other_sha) = old.get(role, ("", "")), new.get(role, ("", ""))
        if sha != other_sha:
            words = other or f"{name} is gone"
            yield Change(what="model" if role in _MODEL else "config", detail=words if name else f"{words} is new")


def _by_role(inputs: dict[str, str]) -> dict[str, tuple[str, str]]:
    """``model: a.h5`` by its role ``model``; a file without one by its name."""
    return {name.split(":")[0]: (name, sha) for name, sha in inputs.items()}


def is_other_config(before: Provenance, after: Provenance) -> bool:
    """Whether the hls4ml config has another content."""
    old, new = (_by_role(run.inputs).get("hls_config", ("", ""))[1] for run in (before, after))
    return old != new


def options(command: str) -> set[str]:
    """The words of a ``make fpga`` command that change what is built: not its name, target or number of vectors."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quote that does not end
        words = command.split()
    return {word for word in words if word.startswith(("HEAD=", "IO=", "WEIGHTS=", "HLS="))}


def _command(before: Provenance, after: Provenance) -> Iterator[Change]:
    if options(before.command) != options(after.command):
        yield Change(what="config", detail=f"command '{before.command}' -> '{after.command}'")


def _tools(before: Provenance, after: Provenance) -> Iterator[Change]:
    for name in sorted({*before.tools, *after.tools}, key=str.lower):
        old, new = before.tools.get(name, "none"), after.tools.get(name, "none")
        if old != new:
            yield Change(what="tool version", detail=f"{name} {old} -> {new}")


def _code(before: Provenance, after: Provenance) -> Iterator[Change]:
    old, new = (run.digests.get("program", "") for run in (before, after))
    if old != new or before.bitwright_version != after.bitwright_version:
        sides = [run.commit or f"program {sha[:_SHORT] or 'unknown'}" for run, sha in ((before, old), (after, new))]
        versions = f"Bitwright {before.bitwright_version} -> {after.bitwright_version}, "
        same = before.bitwright_version == after.bitwright_version
        yield Change(what="our code", detail=f"{'' if same else versions}{sides[0]} -> {sides[1]}")


def moved_bits(before: Provenance, after: Provenance) -> tuple[str, ...]:
    """The names of the digests of bits that differ: vectors, network, outputs, bundle."""
    names = ("vectors", "network", "outputs", "bundle")
    return tuple(name for name in names if before.digests.get(name) != after.digests.get(name))
