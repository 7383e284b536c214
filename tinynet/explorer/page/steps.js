// Walking through the steps: keys, buttons, the slider, play; the band of memory; search; light and dark.
"use strict";

let now = 0, tab = "step", playing = null;

function goTo(step) {
  now = Math.max(0, Math.min(steps.length - 1, step));
  tab = "step";
  if (reveal(steps[now].operator)) drawGraph();
  show();
}

function show() {
  const step = steps[now];
  byId("slider").value = now;
  byId("where").textContent = `${now + 1} of ${steps.length}`;
  byId("status").textContent =
    `Step ${now + 1} of ${steps.length}. ${stepName(step)}: ${titleOf(operators[step.operator])}`;
  light();
  markMemory();
  for (const button of document.querySelectorAll("#tabs button")) {
    button.setAttribute("aria-pressed", button.dataset.tab === tab);
  }
  if (tab === "step") showStep(); else showAcross();
}

function play() {
  if (playing) { clearInterval(playing); playing = null; } else {
    if (now === steps.length - 1) now = 0;
    playing = setInterval(() => { if (now < steps.length - 1) goTo(now + 1); else play(); }, 700);
  }
  byId("play").textContent = playing ? "Pause" : "Play";
}

// Memory over the steps: what is saved for backward, and gradients on their way, one above the other.
const MOST_POINTS = 1500;                        // of the band's outline
const totals = memory.map(([saved, gradients]) => saved + gradients);
const peak = totals.reduce((best, total, i) => total > totals[best] ? i : best, 0);

function drawMemory() {
  const picture = byId("memory"), width = picture.clientWidth || 800, height = 56;
  const stride = Math.ceil(steps.length / MOST_POINTS), places = [];
  for (let i = 0; i < steps.length; i += stride) places.push(i);
  const x = i => (i + 0.5) * width / steps.length, y = bytes => height - (height - 6) * bytes / (totals[peak] || 1);
  const outline = (upper, lower) => "M" + [...places.map(i => `${x(i)},${y(upper(i))}`),
    ...places.toReversed().map(i => `${x(i)},${y(lower(i))}`)].join("L") + "Z";
  picture.replaceChildren(
    element("path", { d: outline(i => memory[i][0], () => 0), class: "saved" }),
    element("path", { d: outline(i => totals[i], i => memory[i][0]), class: "gradients" }),
    element("line", { x1: x(peak), x2: x(peak), y1: 0, y2: height, class: "peak" }),
    element("line", { id: "memory-now", y1: 0, y2: height, class: "now" }));
  markMemory();
}

function markMemory() {
  const place = (now + 0.5) * (byId("memory").clientWidth || 800) / steps.length, line = byId("memory-now");
  line.setAttribute("x1", place);
  line.setAttribute("x2", place);
  byId("memory-text").textContent = `now ${bytesText(memory[now][0])} saved for backward and ` +
    `${bytesText(memory[now][1])} of gradients; the peak is ${bytesText(totals[peak])} at step ${peak + 1}`;
}

function search(text) {
  const wanted = text.trim().toLowerCase(), list = byId("found");
  const hits = wanted ? operators.map((operator, number) => ({ operator, number }))
    .filter(({ operator }) => `${pathOf(operator)} ${operator.title}`.toLowerCase().includes(wanted)) : [];
  list.replaceChildren(...hits.slice(0, 20).map(({ number }) => element("li", {}, stepLink(number))));
  if (wanted && !hits.length) list.append(element("li", { class: "muted" }, "no operator has this name"));
  if (hits.length > 20) list.append(element("li", { class: "muted" }, `and ${hits.length - 20} more`));
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  show();
}

addEventListener("message", event => {                 // the page around a frame says how light it is
  if (["light", "dark"].includes(event.data?.theme)) setTheme(event.data.theme);
});

const keys = {
  ArrowRight: () => goTo(now + 1), ArrowLeft: () => goTo(now - 1),
  Home: () => goTo(0), End: () => goTo(steps.length - 1),
  " ": play, Backspace: () => foldAround(steps[now].operator), "/": () => byId("search").focus(),
};

document.addEventListener("keydown", event => {
  const action = keys[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (["INPUT", "BUTTON", "SUMMARY", "A"].includes(event.target.tagName) && event.target.id !== "slider") return;
  event.preventDefault();
  action();
});

byId("first").onclick = keys.Home;
byId("back").onclick = keys.ArrowLeft;
byId("next").onclick = keys.ArrowRight;
byId("last").onclick = keys.End;
byId("play").onclick = play;
byId("fold").onclick = keys.Backspace;
byId("slider").max = steps.length - 1;
byId("slider").oninput = event => goTo(Number(event.target.value));
byId("memory").onclick = event => goTo(Math.floor(event.offsetX * steps.length / byId("memory").clientWidth));
byId("search").oninput = event => search(event.target.value);
byId("theme").onclick = () => setTheme(isDark() ? "light" : "dark");
for (const button of document.querySelectorAll("#tabs button")) {
  button.onclick = () => { tab = button.dataset.tab; show(); };
}
addEventListener("resize", drawMemory);

openWhatFits();
drawGraph();
drawMemory();
show();
