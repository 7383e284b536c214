// Arrays as pictures: maps as small multiples, matrices and kernels as heat maps, vectors as bars; NaN in red.
"use strict";

const tip = element("div", { id: "tip-text", role: "status" });
document.body.append(tip);

function isDark() {
  return getComputedStyle(document.documentElement).getPropertyValue("--dark").trim() === "1";
}

/** Blue below zero, orange above, the ground color at zero; `share` is -1 to 1. */
function colorOf(share) {
  const ground = isDark() ? [24, 27, 33] : [255, 255, 255];
  const full = share < 0 ? [38, 111, 201] : [224, 112, 28];
  const t = Math.min(1, Math.abs(share)) ** 0.7;
  return ground.map((g, i) => Math.round(g + (full[i] - g) * t));
}

/** A figure of one array with its statistics; `mark` is drawn over it: {panel, row, column, rows, columns}. */
function picture(caption, packed, options = {}) {
  if (!packed) return element("figure", { class: "array" }, element("figcaption", {}, caption),
                              element("p", { class: "muted" }, options.missing || "no gradient is wanted here"));
  const figure = element("figure", { class: "array" },
    element("figcaption", {}, element("b", {}, caption), ` ${shapeText(packed.shape)} ${packed.dtype}`));
  const [panels, rows] = packed.layout ?? [1, 1];
  if (whole(packed).count === 1) figure.append(element("p", { class: "number" }, short(numbers(packed)[0])));
  else if (panels === 1 && rows === 1) figure.append(bars(packed));
  else if (whole(packed).count) figure.append(heat(packed, options));
  if (packed.leftOut) figure.append(element("p", { class: "muted" }, packed.leftOut));
  figure.append(statistics(whole(packed)));
  return figure;
}

/** All panels in one canvas, each value a square; returns the canvas with hovering. */
function heat(packed, { mark, onpick } = {}) {
  const [panels, rows, columns] = packed.layout, data = numbers(packed), gap = panels > 1 ? 1 : 0;
  const across = Math.max(1, Math.min(panels, Math.ceil(Math.sqrt(panels * rows / columns * 1.6))));
  const down = Math.ceil(panels / across);
  const cell = Math.max(1, Math.min(16, Math.floor(330 / (across * (columns + gap)))));
  const canvas = element("canvas", { width: across * (columns + gap) * cell, height: down * (rows + gap) * cell });
  const context = canvas.getContext("2d");
  const largest = Math.max(Math.abs(whole(packed).min), Math.abs(whole(packed).max)) || 1;
  const place = panel => [panel % across * (columns + gap), Math.floor(panel / across) * (rows + gap)];
  for (let panel = 0; panel < panels; panel++) {
    const [left, top] = place(panel);
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
      const x = data[(panel * rows + row) * columns + column];
      context.fillStyle = Number.isFinite(x) ? `rgb(${colorOf(x / largest)})` : "#e00000";
      context.fillRect((left + column) * cell, (top + row) * cell, cell, cell);
    }
  }
  if (mark) for (const panel of mark.panels ?? Array(panels).keys()) {
    const [left, top] = place(panel);
    context.strokeStyle = "#c2185b";
    context.lineWidth = Math.max(1, cell / 3);
    context.strokeRect((left + mark.column) * cell, (top + mark.row) * cell, mark.columns * cell, mark.rows * cell);
  }
  const find = event => {
    const box = canvas.getBoundingClientRect(), unit = cell * box.width / canvas.width;
    const x = Math.floor((event.clientX - box.left) / unit), y = Math.floor((event.clientY - box.top) / unit);
    const panel = Math.floor(y / (rows + gap)) * across + Math.floor(x / (columns + gap));
    const row = y % (rows + gap), column = x % (columns + gap);
    return panel < panels && row < rows && column < columns ? [panel, row, column] : null;
  };
  hover(canvas, event => {
    const at = find(event);
    if (!at) return null;
    const [panel, row, column] = at;
    const value = data[(panel * rows + row) * columns + column];
    return `[${(panels > 1 ? at : [row, column]).join(", ")}] = ${short(value)}`;
  });
  if (onpick) canvas.addEventListener("click", event => { const at = find(event); if (at) onpick(...at); });
  return canvas;
}

function bars(packed) {
  const data = numbers(packed), width = Math.max(1, Math.min(16, Math.floor(330 / data.length))), height = 60;
  const canvas = element("canvas", { width: width * data.length, height });
  const context = canvas.getContext("2d"), { min, max } = whole(packed);
  const high = Math.max(0, max), low = Math.min(0, min), unit = height / (high - low || 1);
  data.forEach((x, i) => {
    context.fillStyle = Number.isFinite(x) ? `rgb(${colorOf(x < 0 ? -1 : 1)})` : "#e00000";
    const size = Number.isFinite(x) ? Math.max(1, Math.abs(x) * unit) : height;
    context.fillRect(i * width, Number.isFinite(x) ? (high - Math.max(x, 0)) * unit : 0, Math.max(1, width - 1), size);
  });
  hover(canvas, event => {
    const box = canvas.getBoundingClientRect(), i = Math.floor((event.clientX - box.left) * data.length / box.width);
    return i >= 0 && i < data.length ? `[${i}] = ${short(data[i])}` : null;
  });
  return canvas;
}

function hover(canvas, describe) {
  const show = event => {
    const text = describe(event);
    tip.textContent = text || "";
    tip.style.display = text ? "block" : "none";
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 170)}px`;
    tip.style.top = `${event.clientY + 14}px`;
  };
  canvas.addEventListener("mousemove", show);
  canvas.addEventListener("mouseleave", () => { tip.style.display = "none"; });
}

/** Mean, spread, share of zeros, and a histogram of all values of the array. */
function statistics({ count, nan, infinite, mean, std, min, max, zeros, histogram: counts }) {
  const line = element("p", { class: "statistics" });
  if (nan || infinite) line.append(element("strong", { class: "bad" }, `${nan} NaN, ${infinite} infinite `));
  if (mean === undefined) line.append(count ? "" : "empty");
  else if (count > 1) line.append(`mean ${short(mean)}, spread ${short(std)}, ${short(min)} to ${short(max)}, ` +
                                  `zeros ${(100 * zeros).toFixed(1)} %`, histogram(counts));
  return line;
}

function histogram(counts) {
  const most = Math.max(...counts), unit = 120 / counts.length;
  return element("svg", { class: "histogram", width: 120, height: 24, role: "img", "aria-label": "histogram" },
    ...counts.map((count, i) => element("rect", { x: i * unit, width: unit - 0.5, y: 24 - 24 * count / most,
                                                  height: 24 * count / most })));
}
