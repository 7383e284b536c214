// The graph: boxes placed by dagre, drawn as SVG. The present operator is lit, what is kept for backward is tinted.
"use strict";

const WIDE = 230, HIGH = 40;                     // pixels of a box
const arrowTip = byId("graph").querySelector("defs");
const drawn = new Map();                         // operator number, folder or "value N" -> its SVG group
const boxKeys = [];                              // of every operator, the key of the box that stands for it now

function keyOf(item) {
  return typeof item === "number" ? `operator ${item}` : typeof item === "string" ? item : `folder ${item.path}`;
}

/** {boxes: Map key -> item, edges: Map "from|to" -> bytes of the largest array that passes}. */
function visibleGraph() {
  const boxes = new Map(), edges = new Map();
  for (const item of visibleItems(tree)) boxes.set(keyOf(item), item);
  const drawsConstants = operators.length <= MOST_CHILDREN;
  operators.forEach((operator, number) => {
    const to = boxKeys[number];
    for (const input of operator.inputs) {
      const value = values[input];
      let from = value.maker === null ? `value ${input}` : boxKeys[value.maker];
      if (value.maker === null) {
        if (value.kind === "parameter" || (value.kind === "constant" && !drawsConstants)) continue;
        boxes.set(from, from);
      }
      if (from === to) continue;
      const edge = `${from}|${to}`;
      edges.set(edge, Math.max(edges.get(edge) || 0, value.bytes));
    }
  });
  return { boxes, edges };
}

function labelsOf(item) {
  if (typeof item === "string") {
    const value = values[Number(item.slice(6))];
    return [value.name || value.kind, shapeText(value.shape)];
  }
  if (typeof item === "number") {
    const operator = operators[item], output = operator.outputs.length ? values[operator.outputs[0]].shape : [];
    return [titleOf(operator), `→ ${shapeText(output)}`];
  }
  const all = operatorsOf(item);
  if (item.label === "group") return [`operators ${all[0] + 1} to ${all[all.length - 1] + 1}`, "click to unfold"];
  return [`▸ ${item.path.split("#")[0] || "the whole"}`, `${item.label}, ${all.length} operators`];
}

function clip(text) {
  return text.length > 28 ? `…${text.slice(-27)}` : text;
}

/** Lays out and draws what is visible now. */
function drawGraph() {
  operators.forEach((_, number) => { boxKeys[number] = keyOf(boxOf(number)); });
  const { boxes, edges } = visibleGraph();
  const plan = new dagre.graphlib.Graph();
  plan.setGraph({ nodesep: 14, ranksep: 26, edgesep: 10, marginx: 12, marginy: 12 });
  plan.setDefaultEdgeLabel(() => ({}));
  for (const [key] of boxes) plan.setNode(key, { width: WIDE, height: HIGH });
  for (const [edge] of edges) plan.setEdge(...edge.split("|"));
  dagre.layout(plan);
  const { width, height } = plan.graph();
  const picture = byId("graph");
  picture.setAttribute("width", width || WIDE);
  picture.setAttribute("height", height || HIGH);
  picture.replaceChildren(arrowTip,
    ...plan.edges().map(edge => drawEdge(plan, edge, edges.get(`${edge.v}|${edge.w}`))));
  drawn.clear();
  for (const [key, item] of boxes) {
    const group = drawBox(item, plan.node(key));
    drawn.set(key, group);
    picture.append(group);
  }
}

/** An edge is as thick as its array is large; one that passes boxes by is a shortcut, and has its own color. */
function drawEdge(plan, edge, bytes) {
  const points = plan.edge(edge).points;
  const rise = plan.node(edge.w).y - plan.node(edge.v).y;
  const isShortcut = rise > 2 * HIGH + 60 && plan.outEdges(edge.v).length > 1;
  let line = `M${points[0].x},${points[0].y}`;
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1], b = points[i], middle = (a.y + b.y) / 2;
    line += `C${a.x},${middle} ${b.x},${middle} ${b.x},${b.y}`;
  }
  const thick = Math.max(1, Math.min(7, Math.log2(bytes / 64 + 1) / 2));
  return element("path", { d: line, class: isShortcut ? "edge shortcut" : "edge", "stroke-width": thick,
                           "marker-end": "url(#tip)" },
                 element("title", {}, `${bytesText(bytes)}${isShortcut ? ", a shortcut" : ""}`));
}

function drawBox(item, place) {
  const [title, below] = labelsOf(item);
  const act = () => choose(item);
  const isFolder = typeof item === "object";
  return element("g", {
    class: isFolder ? "box folder" : typeof item === "string" ? "box value" : "box",
    transform: `translate(${place.x - WIDE / 2},${place.y - HIGH / 2})`, tabindex: 0, role: "button",
    "aria-label": isFolder ? `${title}, unfold` : title, onclick: act,
    onkeydown: event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); } },
  },
  element("rect", { width: WIDE, height: HIGH, rx: 6 }),
  element("text", { x: WIDE / 2, y: 17, class: "title" }, clip(title)),
  element("text", { x: WIDE / 2, y: 32 }, clip(below)),
  element("title", {}, `${title}\n${below}`));
}

/** A click: a folder unfolds, an operator is gone to, an input is shown. */
function choose(item) {
  if (typeof item === "object") {
    item.open = true;
    drawGraph();
    light();
    drawn.get(keyOf(boxOf(operatorsOf(item)[0])))?.focus();
  } else if (typeof item === "number") {
    const { forward, backward } = turns[item];
    goTo(now === forward && backward !== undefined ? backward : forward);
  } else {
    showValue(Number(item.slice(6)));
  }
}

function foldAround(number) {
  let place = folderOf.get(number);
  while (place && !place.open) place = place.parent;
  if (!place || place === tree) return;
  place.open = false;
  drawGraph();
  light();
}

/** Lights the present operator and tints what is alive, without a new layout. */
function light() {
  const step = steps[now], present = boxKeys[step.operator], alive = new Set();
  operators.forEach((_, number) => { if (isAlive(number, now)) alive.add(boxKeys[number]); });
  for (const [key, group] of drawn) {
    group.classList.remove("forward", "backward", "add");
    if (key === present) group.classList.add(step.kind);
    group.classList.toggle("alive", alive.has(key));
  }
  if (drawn.has(present)) scrollIntoGraph(drawn.get(present));
}

function scrollIntoGraph(group) {
  const room = byId("graph-room"), box = group.getBoundingClientRect(), view = room.getBoundingClientRect();
  if (box.top < view.top + 40 || box.bottom > view.bottom - 40) {
    room.scrollTop += (box.top + box.bottom - view.top - view.bottom) / 2;
  }
  if (box.left < view.left || box.right > view.right)
    room.scrollLeft += (box.left + box.right - view.left - view.right) / 2;
}
