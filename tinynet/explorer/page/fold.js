// Modules fold: what is drawn is the operators whose modules are all open, and one box for each closed module.
"use strict";

const MOST_BOXES = 40;                           // that a page opens with
const MOST_CHILDREN = 60;                        // of a module before runs of them are folded into groups

/** A tree of folders: `children` are folders and numbers of operators. */
function folder(path, label, parent) {
  return { path, label, parent, children: [], open: false };
}

function buildTree() {
  const root = folder("", modules[""] || "graph", null), known = new Map([["", root]]);
  operators.forEach((operator, number) => {
    let place = root;
    for (const path of operator.modules) {
      if (!known.has(path)) {
        known.set(path, folder(path, modules[path], place));
        place.children.push(known.get(path));
      }
      place = known.get(path);
    }
    place.children.push(number);
  });
  simplify(root);
  return root;
}

/** A module of one operator is that operator; too many children become groups. */
function simplify(place) {
  place.children = place.children.map(child => {
    if (typeof child === "number") return child;
    simplify(child);
    const [only, another] = child.children;
    return another === undefined && typeof only === "number" ? only : child;
  });
  while (place.children.length > MOST_CHILDREN) {
    const groups = [];
    for (let i = 0; i < place.children.length; i += MOST_CHILDREN) {
      const members = place.children.slice(i, i + MOST_CHILDREN);
      const group = folder(`${place.path}#${operatorsOf(members[0])[0]}`, "group", place);
      group.children = members;
      for (const member of members) if (typeof member !== "number") member.parent = group;
      groups.push(group);
    }
    place.children = groups;
  }
}

/** The numbers of all operators in a folder (or the operator itself), in their order. */
function operatorsOf(item) {
  return typeof item === "number" ? [item] : item.all ??= item.children.flatMap(operatorsOf);
}

const tree = buildTree();
const folderOf = new Map();                      // number of an operator -> the folder that it lies in
(function note(place) {
  for (const child of place.children) {
    if (typeof child === "number") folderOf.set(child, place);
    else { child.parent = place; note(child); }
  }
})(tree);

/** Opens whole levels, as long as few enough boxes are drawn. */
function openWhatFits() {
  let level = [tree];
  while (level.length) {
    for (const place of level) place.open = true;
    if (visibleItems(tree).length > MOST_BOXES && level[0] !== tree) {
      for (const place of level) place.open = false;
      return;
    }
    level = level.flatMap(place => place.children.filter(child => typeof child !== "number"));
  }
}

function visibleItems(place) {
  return place.children.flatMap(child =>
    typeof child === "number" || !child.open ? [child] : visibleItems(child));
}

/** What stands for an operator in the drawing: itself, or the outermost closed folder that holds it. */
function boxOf(number) {
  let shown = number;
  for (let place = folderOf.get(number); place; place = place.parent) if (!place.open) shown = place;
  return shown;
}

function reveal(number) {
  let changed = false;
  for (let place = folderOf.get(number); place; place = place.parent) {
    changed ||= !place.open;
    place.open = true;
  }
  return changed;
}
