// The panel: everything about the present step, about one value, and about the network as a whole.
"use strict";

const panel = byId("panel");

/** One picture, or two beside each other where two recordings are compared. */
function compared(caption, pick, options = {}) {
  const pictures = recordings.map(recording =>
    picture(recordings.length > 1 ? `${caption}, ${recording.label}` : caption, pick(recording), options));
  return pictures.length > 1 ? element("div", { class: "pair" }, ...pictures) : pictures[0];
}

const valuePicture = (number, caption, options) =>
  compared(caption, recording => recording.values[number].picture, { missing: NOT_KEPT, ...options });

const NOT_KEPT = "This value was not kept. Give tinynet.explore a function that computes the loss, to see every value.";

function nameOfValue(number, index) {
  const value = values[number];
  if (value.maker !== null) return `input ${index + 1}, from ${titleOf(operators[value.maker])}`;
  return value.kind === value.name ? value.kind : `${value.kind} ${value.name}`.trim();
}

/** The first paragraph of an operator's documentation is its formula; the rest is one click away. */
function formulaPart(about) {
  const [first, ...rest] = about.formula.split("\n\n");
  return element("section", {}, element("pre", { class: "formula" }, first), rest.length
    ? element("details", {}, element("summary", {}, "gradient, shapes, source"),
              element("pre", { class: "formula" }, rest.join("\n\n"))) : null);
}

function showStep() {
  const step = steps[now], operator = operators[step.operator], about = page.functions[operator.function];
  const parts = [element("h2", {}, `${stepName(step)}: ${titleOf(operator)}`)];
  if (step.kind === "add") parts.push(...additionParts(step, operator));
  else if (step.kind === "forward") parts.push(...forwardParts(step.operator, operator, about));
  else parts.push(...backwardParts(operator, about));
  if (step.kind !== "add") parts.push(savedPart(operator), sourcePart(about, step.kind));
  panel.replaceChildren(...parts);
  panel.scrollTop = 0;
}

const stepName = step => ({ forward: "Forward", backward: "Backward", add: "Gradients meet" })[step.kind];

function forwardParts(number, operator, about) {
  const chosen = about.name === "Conv2d" ? convolutionWindow(operator) : null;
  return [
    formulaPart(about),
    operator.options.length
      ? element("p", { class: "muted" }, `other arguments: ${operator.options.map(pair => pair.join(" = ")).join(", ")}`) : null,
    ...operator.inputs.map((input, i) => valuePicture(input, nameOfValue(input, i), { mark: i === 0 && chosen?.mark })),
    ...operator.outputs.map((output, i) => valuePicture(output,
      operator.outputs.length > 1 ? `output ${i + 1}` : "output", {
      mark: chosen?.pixel,
      onpick: chosen && ((...at) => { pixelOf.set(number, at); showStep(); }),
    })),
    chosen?.column,
  ].filter(Boolean);
}

function backwardParts(operator, about) {
  const number = operators.indexOf(operator);
  return [
    formulaPart(about),
    element("h3", {}, "The gradient that arrives"),
    ...operator.arrived.map((_, i) => compared(`gradient of output ${operator.arrived.length > 1 ? i + 1 : ""}`,
                                               recording => recording.operators[number].arrived[i])),
    element("h3", {}, "The gradients that are sent on"),
    ...operator.sent.map((_, i) => compared(`to ${nameOfValue(operator.inputs[i], i)}`,
                                            recording => recording.operators[number].sent[i])),
  ];
}

function additionParts(step) {
  return [
    element("p", {}, `The output of ${values[step.value].maker === null ? values[step.value].name || "an input"
      : titleOf(operators[values[step.value].maker])} is used more than once. ` +
      "A gradient has come back along one path " +
      "already; the one from this path is added to it."),
    compared("the sum so far", recording => recording.steps[now].total),
  ];
}

function savedPart(operator) {
  const rows = operator.saved.map(([what, shape, bytes]) =>
    element("li", {}, `${what} ${shapeText(shape)}, ${bytesText(bytes)}`));
  return element("section", {}, element("h3", {}, "Saved for backward"),
    rows.length ? element("ul", {}, ...rows) : element("p", { class: "muted" }, "nothing"));
}

function sourcePart(about, kind) {
  const block = (title, text, open) =>
    element("details", { open }, element("summary", {}, title), element("pre", { class: "source" }, text));
  return element("section", {}, element("h3", {}, "Source"), element("p", { class: "muted" }, about.file),
    block("forward", about.forward, kind === "forward"), block("backward", about.backward, kind === "backward"),
    ...about.kernels.map(kernel => block(`the plain kernel ${kernel.name}`, kernel.source, false)),
    page.essays === null
      ? element("p", {}, `More on this operator: docs/essays/${about.essay}.md`)
      : element("p", {}, "More: ", element("a", { href: `${page.essays}${about.essay}.html`, target: "_top" },
                                           `the essay ${about.essay}`)));
}

// A convolution's window: the output pixel that was clicked, what it looks at, and its column.
const pixelOf = new Map();                       // operator -> [panel, row, column]

function convolutionWindow(operator) {
  const [x, w] = operator.inputs.map(number => values[number]), y = values[operator.outputs[0]];
  const geometry = operator.geometry;
  if (!geometry || !x.picture || !y.picture || x.picture.leftOut.includes("every") ||
      y.picture.leftOut.includes("every")) {
    return null;
  }
  const [panels, rows, columns] = y.picture.layout;
  const [k, p, q] = pixelOf.get(operators.indexOf(operator)) ?? [0, rows >> 1, columns >> 1];
  const { stride, padding, dilation } = geometry, [r, s] = w.shape.slice(2);
  const mark = { row: p * stride[0] - padding[0], column: q * stride[1] - padding[1],
                 rows: (r - 1) * dilation[0] + 1, columns: (s - 1) * dilation[1] + 1 };
  const pixel = { panels: [Math.min(k, panels - 1)], row: p, column: q, rows: 1, columns: 1 };
  return { mark, pixel, column: columnPart(x, w, y, geometry, k, p, q, mark) };
}

function columnPart(x, w, y, { stride, padding, dilation, groups }, k, p, q, mark) {
  const [channels, height, width] = x.picture.layout, [perGroup, r, s] = w.shape.slice(1);
  const data = numbers(x.picture), kernels = w.picture && numbers(w.picture), window = [], weights = [];
  const first = Math.floor(k * groups / w.shape[0]) * perGroup;
  for (let c = 0; c < perGroup && first + c < channels; c++) for (let u = 0; u < r; u++) for (let v = 0; v < s; v++) {
    const row = mark.row + u * dilation[0], column = mark.column + v * dilation[1];
    const inside = row >= 0 && row < height && column >= 0 && column < width;
    window.push(inside ? data[((first + c) * height + row) * width + column] : 0);
    weights.push(kernels?.[((k * perGroup + c) * r + u) * s + v]);
  }
  const complete = window.length === perGroup * r * s && weights.every(weight => weight !== undefined);
  const sum = window.reduce((total, value, i) => total + value * (weights[i] ?? 0), 0);
  const [, rows, columns] = y.picture.layout, output = numbers(y.picture)[(k * rows + p) * columns + q];
  return element("section", {}, element("h3", {}, "One output pixel"),
    element("p", {}, `Output [${k}, ${p}, ${q}] = ${short(output)}. It looks at the marked window of the input: ` +
      `${perGroup * r * s} values, its column in im2col. Click another pixel of the output to see its window.`),
    element("pre", { class: "source" }, window.slice(0, 27).map((value, i) =>
      `${short(value).padStart(10)} · ${weights[i] === undefined ? "?" : short(weights[i])}`).join("\n") +
      (window.length > 27 ? `\n… and ${perGroup * r * s - 27} more` : "")),
    element("p", { class: "muted" }, complete ? `The sum of all products, without the bias, is ${short(sum)}.`
      : "Not all channels of the input or the kernels are in this page, so the sum is not shown."));
}

function showValue(number) {
  const value = values[number], readers = operators.filter(operator => operator.inputs.includes(number));
  panel.replaceChildren(element("h2", {}, nameOfValue(number)), valuePicture(number, "value"),
    element("p", {}, "It is taken by ", ...readers.flatMap((operator, i) =>
      [i ? ", " : "", stepLink(operators.indexOf(operator))]), "."));
}

function stepLink(number) {
  return element("button", { class: "link", onclick: () => goTo(turns[number].forward) }, titleOf(operators[number]));
}

// Across the network ---------------------------------------------------------------------------------------------

function showAcross() {
  const { parameters } = recordings[0];
  const norms = operators.map((operator, number) => ({
    number, norm: operator.arrived[0] ? whole(operator.arrived[0]).norm : undefined }))
                         .filter(item => item.norm !== undefined);
  panel.replaceChildren(
    element("h2", {}, "Across the network"),
    element("h3", {}, "Norm of the gradient that arrives at each operator, from the first to the last"),
    norms.length ? depthChart(norms) : element("p", { class: "muted" }, "There is no backward pass."),
    element("h3", {}, "Parameters"),
    element("div", { class: "wide" }, element("table", {}, element("tr", {},
      ...["name", "shape", "norm", "gradient", ...(parameters.some(p => p.update) ? ["update", "update / norm"] : [])]
        .map(head => element("th", {}, head))),
      ...parameters.map(parameterRow))),
    ...parameters.slice(0, 60).map((p, i) => element("details", {}, element("summary", {}, p.name),
      compared("value", recording => recording.parameters[i].picture),
      compared("gradient", recording => recording.parameters[i].gradient),
      p.update ? compared("update", recording => recording.parameters[i].update) : null)));
}

function parameterRow(p) {
  const norm = packed => packed ? whole(packed).norm ?? 0 : NaN;
  const cells = [p.name, shapeText(p.picture.shape), short(norm(p.picture)),
    p.gradient ? short(norm(p.gradient)) : "none"];
  if (p.update) cells.push(short(norm(p.update)), short(norm(p.update) / norm(p.picture)));
  return element("tr", {}, ...cells.map(cell => element("td", {}, cell)));
}

/** Bars on a logarithmic scale; a click goes to the backward step. */
function depthChart(norms) {
  const logs = norms.map(({ norm }) => Math.log10(norm || Number.MIN_VALUE)), high = Math.max(...logs);
  const low = Math.max(Math.min(...logs), high - 12), width = Math.max(2, Math.min(14, 420 / norms.length));
  return element("svg", { class: "chart", width: width * norms.length + 70, height: 110, role: "img",
                          "aria-label": "gradient norms along the depth" },
    element("text", { x: 0, y: 12 }, short(10 ** high)), element("text", { x: 0, y: 104 }, short(10 ** low)),
    ...norms.map(({ number, norm }, i) => {
      const height = 4 + 96 * Math.max(0, (logs[i] - low) / (high - low || 1));
      return element("rect", { x: 66 + i * width, y: 106 - height, width: width - 1, height, class: "bar",
                               onclick: () => goTo(turns[number].backward) },
                     element("title", {}, `${titleOf(operators[number])}: ${short(norm)}`));
    }));
}
