"""Damage to a report, seeded: cut it, drop a line, exchange columns, rename a header, blank a cell, change a unit."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from bitwright.report.parsers.model import Figure, Parsed

TIMES = ("ns", "us", "ms", "sec", "ps")
RATES = ("MHz", "GHz", "kHz")


def cut(text: str, rng: random.Random) -> str:
    """The rest of the file is missing."""
    return text[: rng.randrange(1, max(2, len(text)))]


def drop(text: str, rng: random.Random) -> str:
    """One line is missing; lines with figures more often than others."""
    lines = text.split("\n")
    telling = [i for i, line in enumerate(lines) if re.search(r"\d", line)]
    i = rng.choice(telling) if telling and rng.random() < 0.8 else rng.randrange(len(lines))
    return "\n".join(lines[:i] + lines[i + 1 :])


def _tables(lines: list[str]) -> list[tuple[int, int, str]]:
    """Blocks of lines with the same separator: first, last, separator."""
    found = []
    i = 0
    while i < len(lines):
        sign = next((s for s in "|;" if lines[i].strip().startswith(s) and lines[i].count(s) >= 3), None)
        if sign is None:
            i += 1
            continue
        j = i
        while j < len(lines) and (lines[j].strip().startswith((sign, "+"))):
            j += 1
        found.append((i, j, sign))
        i = j
    return found


def _exchange(line: str, sign: str, a: int, b: int) -> str:
    cells = line.split(sign)
    if max(a, b) < len(cells) - 1:
        cells[a], cells[b] = cells[b], cells[a]
    return sign.join(cells)


def swap(text: str, rng: random.Random) -> str:
    """Two columns change places: in the whole table, in its first row, or in one row."""
    lines = text.split("\n")
    tables = _tables(lines)
    if not tables:
        return _swap_words(text, rng)
    start, stop, sign = rng.choice(tables[:12] if rng.random() < 0.7 else tables)
    width = lines[start].count(sign)
    a, b = rng.sample(range(1, width), 2) if width > 2 else (1, 1)
    how = rng.choice(("table", "header", "row"))
    if how == "table":
        chosen = [i for i in range(start, stop) if lines[i].count(sign) == width]
    else:
        chosen = [start] if how == "header" else [rng.randrange(start, stop)]
    for i in chosen:
        lines[i] = _exchange(lines[i], sign, a, b)
    return "\n".join(lines)


def _swap_words(text: str, rng: random.Random) -> str:
    """Two values of a line, or of a list in JSON, change places."""
    lists = list(re.finditer(r"\[([^\[\]{}]+,[^\[\]{}]+)\]", text))
    if lists:
        found = rng.choice(lists)
        parts = found[1].split(",")
        a, b = rng.sample(range(len(parts)), 2)
        parts[a], parts[b] = parts[b], parts[a]
        return text[: found.start(1)] + ",".join(parts) + text[found.end(1) :]
    lines = text.split("\n")
    i = rng.choice([i for i, line in enumerate(lines) if len(line.split()) > 1] or [0])
    words = re.split(r"(\s+)", lines[i])
    places = [j for j, word in enumerate(words) if word.strip()]
    if len(places) > 1:
        a, b = rng.sample(places, 2)
        words[a], words[b] = words[b], words[a]
    lines[i] = "".join(words)
    return "\n".join(lines)


def rename(text: str, rng: random.Random) -> str:
    """A header, a tag, a key or a label is called otherwise."""
    keys = list(re.finditer(r"<(\w[\w-]*)>[^<]*</\1>|\"(\w[\w ]*)\" ?:", text))
    if keys and text.lstrip()[:1] in "<{[v":
        found = rng.choice(keys)
        name = found[1] or found[2]
        return text[: found.start()] + found[0].replace(name, name[:-1] + "Q") + text[found.end() :]
    lines = text.split("\n")
    tables = _tables(lines)
    if tables and rng.random() < 0.8:
        start, stop, sign = rng.choice(tables)
        i = rng.choice([start, min(start + 1, stop - 1), rng.randrange(start, stop)])
        last = len(lines[i]) if i <= start + 1 else lines[i].find(sign, lines[i].find(sign) + 1)  # else the label
    else:
        i = rng.choice([i for i, line in enumerate(lines) if re.search(r"[A-Za-z_]{2}", line)] or [0])
        last = lines[i].find(":") if ":" in lines[i] else len(lines[i])
    words = list(re.finditer(r"[A-Za-z_]\w+", lines[i][:last]))
    if words:
        word = rng.choice(words)
        other = rng.choice([word[0][::-1], "Q" * len(word[0]), rng.choice(words)[0].ljust(len(word[0]))])
        lines[i] = lines[i][: word.start()] + other + lines[i][word.end() :]
    return "\n".join(lines)


def blank(text: str, rng: random.Random) -> str:
    """A cell, or the value of a tag or key, is empty."""
    values = list(re.finditer(r">([^<>\n]+)</|: *(\"[^\"\n]*\"|-?[\d.]+)(?=[,\s}])", text))
    if values and text.lstrip()[:1] in "<{[v":
        found = rng.choice(values)
        group = 1 if found[1] else 2
        return text[: found.start(group)] + text[found.end(group) :]
    lines = text.split("\n")
    tables = _tables(lines)
    if tables and rng.random() < 0.8:
        start, stop, sign = rng.choice(tables[:12] if rng.random() < 0.7 else tables)
        i = rng.randrange(start, stop)
        cells = lines[i].split(sign)
        j = rng.randrange(len(cells))
        cells[j] = " " * (len(cells[j]) if rng.random() < 0.7 else 1)
        lines[i] = sign.join(cells)
    else:
        i = rng.choice([i for i, line in enumerate(lines) if re.search(r"\S", line)] or [0])
        words = list(re.finditer(r"\S+", lines[i]))
        if words:
            word = rng.choice(words)
            lines[i] = lines[i][: word.start()] + " " * len(word[0]) + lines[i][word.end() :]
    return "\n".join(lines)


def unit(text: str, rng: random.Random) -> str:
    """A unit is another one, in one place or in a whole line."""
    places = list(re.finditer(r"(?<![A-Za-z])(ns|us|ms|sec|MHz|GHz)(?![A-Za-z])", text))
    if not places:
        return cut(text, rng)
    found = rng.choice(places)
    others = [u for u in (RATES if found[1] in RATES else TIMES) if u != found[1]]
    new = rng.choice(others)
    if rng.random() < 0.3:
        start = text.rfind("\n", 0, found.start()) + 1
        stop = text.find("\n", found.end())
        stop = len(text) if stop < 0 else stop
        line = re.sub(rf"(?<![A-Za-z]){found[1]}(?![A-Za-z])", new, text[start:stop])
        return text[:start] + line + text[stop:]
    return text[: found.start()] + new + text[found.end() :]


KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "cut": cut, "drop": drop, "swap": swap, "rename": rename, "blank": blank, "unit": unit,
}  # fmt: skip


def mutants(text: str, seed: str, number: int) -> list[tuple[str, str]]:
    """So many damaged copies, of each kind in turn; those that change nothing are left out."""
    found = []
    for i in range(number):
        kind = list(KINDS)[i % len(KINDS)]
        made = KINDS[kind](text, random.Random(f"{seed}:{i}"))
        if made != text:
            found.append((f"{kind} {i}", made))
    return found


def key(figure: Figure) -> tuple[str, str]:
    """What a figure is of."""
    return figure.metric, figure.stage.value


def damage_done(good: Parsed, bad: Parsed, text: str) -> tuple[list[str], list[str]]:
    """What is wrong in the answer for a damaged ``text``, and what is absent without a problem.

    The name of a design or a part may be another one if the text says so: what is printed once has no witness.
    """
    known = {key(f): f for f in good.figures}
    wrong = []
    for figure in bad.figures:
        before = known.get(key(figure))
        told = figure.value in ("truncated", "failed") and bad.problems
        if told:
            continue
        if before is None:
            twin = [f for f in good.figures if f.metric == figure.metric and f.value == figure.value]
            if not (twin and bad.problems):  # the same figure, of a stage that the damaged file cannot tell
                wrong.append(f"{figure.metric} {figure.stage}: {figure.value!r} out of nowhere")
        elif figure.value != before.value:
            wrong.append(f"{figure.metric}: {figure.value!r} for {before.value!r}")
        wrong += [
            f"{name}: {getattr(figure, name)!r} for {getattr(before, name)!r}"
            for name in ("tool_version", "part", "design")
            if before
            and getattr(figure, name) not in (None, getattr(before, name))
            and not (name != "tool_version" and str(getattr(figure, name)) in text)
        ]
    rows = {(row.path, row.kind): row.values for row in good.modules}
    for row in bad.modules:
        before_values = rows.get((row.path, row.kind))
        for metric, value in row.values.items() if before_values is not None else ():
            if before_values is not None and metric in before_values and before_values[metric] != value:
                wrong.append(f"{row.path} {metric}: {value!r} for {before_values[metric]!r}")
    after = {key(f) for f in bad.figures}
    quiet = [] if bad.problems else [k[0] for k in known if k not in after]
    return wrong, quiet
