// The recording that this page carries, decoded; and the few helpers that all other files use.
"use strict";

const page = JSON.parse(document.getElementById("recording").textContent);
const recordings = page.recordings;              // one, or two that are compared
const { operators, values, steps, memory, modules } = recordings[0];

const NAN = -32768, INFINITE = 32767;            // codes of what is no finite number

/** Statistics of a whole array; a single number needs none in the file. */
function whole(packed) {
  const x = packed.number;
  return packed.whole ?? { count: 1, nan: 0, infinite: 0, mean: x, std: 0, min: x, max: x, zeros: Number(x === 0),
                           norm: Math.abs(x), histogram: [1] };
}

/** The numbers of a packed array, as a Float64Array; decoded once. */
function numbers(packed) {
  if (packed.number !== undefined) return [packed.number];
  if (!packed.decoded) {
    const bytes = Uint8Array.from(atob(packed.values), c => c.charCodeAt(0));
    const codes = new DataView(bytes.buffer);
    packed.decoded = Float64Array.from({ length: bytes.length / 2 }, (_, i) => {
      const code = codes.getInt16(2 * i, true);
      return code === NAN ? NaN : Math.abs(code) === INFINITE ? Math.sign(code) * Infinity : code * packed.scale;
    });
  }
  return packed.decoded;
}

/** An element with attributes, listeners (`onclick` and so on) and children. Text cannot run as script. */
function element(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect", "path", "text", "title", "line", "circle", "tspan"].includes(tag);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

const byId = id => document.getElementById(id);

/** 0.01234 as "0.01234", 1234567 as "1.235e+6": four digits that count. */
function short(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "infinity" : "-infinity";
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x);
  return Math.abs(x) >= 1e-4 && Math.abs(x) < 1e6 ? String(Number(x.toPrecision(4))) : x.toExponential(3);
}

function bytesText(count) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (count >= 1000 && unit < 3) { count /= 1000; unit += 1; }
  return `${unit && count < 100 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

const shapeText = shape => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
const pathOf = operator => operator.modules.length ? operator.modules[operator.modules.length - 1] : "";
const titleOf = operator => (pathOf(operator) ? `${pathOf(operator)}: ` : "") + operator.title;

/** When an operator runs forward and backward: the numbers of its steps (backward: undefined if it has none). */
const turns = operators.map(() => ({}));
steps.forEach((step, i) => { if (step.kind !== "add") turns[step.operator][step.kind] = i; });

/** The operators that keep arrays for backward after step `now`. */
function isAlive(number, now) {
  const { forward, backward } = turns[number];
  return operators[number].saved.length > 0 && forward <= now && now < (backward ?? Infinity);
}
