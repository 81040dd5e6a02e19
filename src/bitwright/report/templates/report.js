// Makes plots and tables answer: the value under a pointer or a finger, legends that hide a series, zoom, sorting.
// Without it the page says the same.  It reads this page alone; the page's policy forbids every connection.
"use strict";
(() => {
  const each = (selector, call, root = document) => [...root.querySelectorAll(selector)].forEach(call);
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const acts = (element, call) => {
    element.addEventListener("click", call);
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); call(event); }
    });
  };

  // --- values: the titles of the drawings' marks, at once and also for fingers and keys ---------------------
  const tip = document.body.appendChild(make("div", { className: "tip", hidden: true }));
  tip.setAttribute("role", "status");
  each("svg title", (title) => {
    const mark = title.parentNode;
    mark.dataset.tip = title.textContent;
    mark.setAttribute("aria-label", title.textContent);
    title.remove();
  });
  each("polyline[data-plane]", (curve) => {  // a line is too thin to point at: a broad one that nobody sees
    const broad = curve.cloneNode();
    broad.classList.add("broad");
    curve.after(broad);
  });

  const show = (words, x, y) => {
    tip.textContent = words;
    tip.hidden = false;
    const left = Math.min(x + 12, innerWidth - tip.offsetWidth - 6);
    const top = y + 16 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 10 : y + 16;
    tip.style.transform = `translate(${Math.max(left, 6)}px, ${Math.max(top, 6)}px)`;
  };
  const hide = () => { tip.hidden = true; };
  const inDrawing = (svg, event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  // A curve's nearest point; data-plane: left and bottom of the axes, the side that is 1 long, their two names.
  const onCurve = (curve, event) => {
    const [left, bottom, side, across, up] = curve.dataset.plane.split("|");
    const at = inDrawing(curve.ownerSVGElement, event);
    const [near] = [...curve.points].sort((a, b) => Math.hypot(a.x - at.x, a.y - at.y) - Math.hypot(b.x - at.x, b.y - at.y));
    const part = (length) => `${(100 * length / side).toFixed(1)} %`;
    return `\n${across} ${part(near.x - left)}\n${up} ${part(bottom - near.y)}`;
  };
  const point = (event) => {
    const mark = event.target.closest?.("[data-tip]");
    if (!mark) return hide();
    show(mark.dataset.tip + (mark.dataset.plane ? onCurve(mark, event) : ""), event.clientX, event.clientY);
  };
  document.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") point(event); });
  document.addEventListener("pointerdown", point);
  document.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hide(); });
  document.addEventListener("scroll", hide, { passive: true });

  // --- legends ---------------------------------------------------------------------------------------------
  const restack = (row) => {  // what is left of a bar moves to its start, and the figure at its end is that part's
    const parts = [...row.querySelectorAll("rect[data-v]")], end = row.querySelector("text[data-end]");
    if (!parts.length || !end) return;
    const seen = parts.filter((part) => !part.classList.contains("off"));
    let x = Number(row.dataset.start ??= parts[0].getAttribute("x"));
    for (const part of seen) { part.setAttribute("x", x); x += Number(part.getAttribute("width")); }
    const line = row.querySelector(".mark:not(.off)");
    end.setAttribute("x", Math.max(x, line ? Number(line.getAttribute("x1")) : 0) + 6);
    const sum = seen.reduce((total, part) => total + Number(part.dataset.v), 0);
    end.dataset.end ||= end.textContent;
    end.textContent = seen.length === parts.length ? end.dataset.end : sum.toLocaleString("en-US");
  };
  each("[data-toggles]", (key) => {
    const figure = key.closest("figure");
    const shown = () => key.getAttribute("aria-pressed") === "true";
    key.setAttribute("role", "button");
    key.setAttribute("tabindex", "0");
    key.setAttribute("aria-pressed", "true");
    acts(key, () => {
      key.setAttribute("aria-pressed", String(!shown()));
      each(`svg ${key.dataset.toggles}`, (mark) => {
        if (!mark.closest("[data-toggles]")) mark.classList.toggle("off", !shown());
      }, figure);
      each("svg > g", restack, figure);
    });
  });

  // --- zoom: drag over a part of a plot; keys + - 0; a double click shows the whole again --------------------
  const numbers = (text) => text.split(/[\s,]+/).map(Number);
  const zoom = (svg, box) => {
    const [, , width, height] = numbers(svg.dataset.whole);
    const scale = Math.min(Math.max(box.width / width, box.height / height, 0.02), 1);
    const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const size = { width: width * scale, height: height * scale };
    const keep = (low, length, all) => Math.min(Math.max(low, 0), all - length);
    const x = keep(middle.x - size.width / 2, size.width, width), y = keep(middle.y - size.height / 2, size.height, height);
    svg.setAttribute("viewBox", `${x} ${y} ${size.width} ${size.height}`);
    svg.style.setProperty("--zoom", 1 / scale);
    svg.classList.toggle("zoomed", scale < 1);
    svg.nextElementSibling.hidden = scale === 1;
  };
  const around = (svg, factor) => {
    const [x, y, width, height] = numbers(svg.getAttribute("viewBox"));
    zoom(svg, { x: x + width * (1 - factor) / 2, y: y + height * (1 - factor) / 2, width: width * factor, height: height * factor });
  };
  const whole = (svg) => {
    const [x, y, width, height] = numbers(svg.dataset.whole);
    zoom(svg, { x, y, width, height });
  };
  const frame = (svg, from, to) => {
    const box = { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) };
    const old = svg.querySelector(".frame") ?? svg.appendChild(document.createElementNS(svg.namespaceURI, "rect"));
    old.setAttribute("class", "frame");
    Object.entries(box).forEach(([name, value]) => old.setAttribute(name, value));
    return box;
  };
  each("figure svg", (svg) => {
    svg.dataset.whole = svg.getAttribute("viewBox");
    svg.setAttribute("tabindex", "0");
    const back = make("button", { type: "button", className: "back", textContent: "Whole plot", hidden: true });
    back.addEventListener("click", () => whole(svg));
    svg.after(back);
    let from = null, box = null;
    svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0) { from = inDrawing(svg, event); box = null; }
    });
    svg.addEventListener("pointermove", (event) => {
      if (!from) return;
      if (!box) svg.setPointerCapture(event.pointerId);
      box = frame(svg, from, inDrawing(svg, event));
    });
    const done = (event) => {
      if (event.type === "pointerup" && box && box.width > 8 && box.height > 4) { zoom(svg, box); hide(); }
      svg.querySelector(".frame")?.remove();
      from = box = null;
    };
    svg.addEventListener("pointerup", done);
    svg.addEventListener("pointercancel", done);
    svg.addEventListener("dblclick", () => whole(svg));
    let told = -1;
    svg.addEventListener("keydown", (event) => {
      const marks = [...svg.querySelectorAll("[data-tip]:not(.broad, .off)")];
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const call = { "+": () => around(svg, 0.7), "-": () => around(svg, 1 / 0.7), 0: () => whole(svg), Escape: hide }[event.key];
      if (call) call();
      else if (step && marks.length) {
        told = (told + step + marks.length) % marks.length;
        const place = marks[told].getBoundingClientRect();
        show(marks[told].dataset.tip, place.left + place.width / 2, place.top + place.height / 2);
      } else return;
      event.preventDefault();
    });
    svg.addEventListener("blur", hide);
  });

  // --- tables ----------------------------------------------------------------------------------------------
  const cellAt = (row, column) => {
    let at = 0;
    for (const cell of row.cells) {
      if (at === column && cell.colSpan === 1) return cell;
      at += cell.colSpan;
    }
    return null;
  };
  const valueOf = (row, column) => {
    const cell = cellAt(row, column), text = cell?.textContent.trim() ?? "";
    if (text === "" || text === "–") return null;
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const number = cell.classList.contains("n") ? text.match(/^[-+]?[\d,]*\.?\d+(?:e[-+]?\d+)?/i) : null;
    return number ? Number(number[0].replaceAll(",", "")) : text;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
  const sort = (body, column, direction) => {
    const groups = [];  // a row that belongs to the one above it stays with it
    for (const row of body.originals) row.classList.contains("more") && groups.length ? groups.at(-1).push(row) : groups.push([row]);
    const fixed = groups.filter(([row]) => row.classList.contains("total"));
    const free = groups.filter(([row]) => !row.classList.contains("total"));
    if (direction) {
      const known = (group) => valueOf(group[0], column) !== null;
      const there = free.filter(known).sort((a, b) => direction * compare(valueOf(a[0], column), valueOf(b[0], column)));
      free.splice(0, free.length, ...there, ...free.filter((group) => !known(group)));
    }
    body.append(...[...free, ...fixed].flat());
  };
  each("table", (table) => {
    const body = table.tBodies[0], heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
    if (!body || body.rows.length < 2) return;
    body.originals = [...body.rows];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button", className: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort") ?? "none"];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (next !== "none") head.setAttribute("aria-sort", next);
        sort(body, column, { none: 0, ascending: 1, descending: -1 }[next]);
      });
    });
  });
  each("table[data-filter]", (table) => {
    const field = make("input", { type: "search", className: "filter", placeholder: "Show rows with …" });
    field.setAttribute("aria-label", "Show rows with these words");
    table.parentNode.before(field);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      each("tbody tr", (row) => {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }, table);
    });
  });
})();
