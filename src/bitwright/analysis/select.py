"""Which layers are meant: by name (a pattern) or by kind; what matches nothing is an error that names the nearest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from bitwright.errors import UsageError, nearest
from bitwright.network import Network


def select(network: Network, names: Sequence[str], kinds: Sequence[str]) -> frozenset[str]:
    """The layers that match one of the patterns ``names`` and are of one of ``kinds``; no filter leaves all.

    Kinds are the Network's, such as Dense or Relu, in any case of letters.

    Raises:
        UsageError: a pattern or kind that no layer of the network has, or both together leave none.
    """
    of = {layer.name: type(layer).__name__ for layer in network.layers}
    by_name = {name for pattern in names for name in _matching(pattern, of)} if names else set(of)
    by_kind = {name for kind in kinds for name in _of_kind(kind, of)} if kinds else set(of)
    if not by_name & by_kind:
        raise UsageError(
            f"no layer is both named {', '.join(names)} and of kind {', '.join(kinds)}", where=network.name,
            hint="give one of the two filters",
        )  # fmt: skip
    return frozenset(by_name & by_kind)


def _matching(pattern: str, names: Collection[str]) -> list[str]:
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        raise UsageError(f"no layer is named '{pattern}'", hint=_hint(pattern, names, "layers"))
    return found


def _of_kind(kind: str, of: dict[str, str]) -> list[str]:
    found = [name for name, own in of.items() if own.lower() == kind.lower()]
    if not found:
        kinds = sorted(set(of.values()))
        raise UsageError(f"no layer is of kind '{kind}'", hint=_hint(kind, kinds, "kinds"))
    return found


def _hint(word: str, known: Collection[str], what: str) -> str:
    return f"{nearest(word, known)} {what} here: {', '.join(known)}".strip()
