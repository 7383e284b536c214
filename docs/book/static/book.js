// The explorer pages in frames are as light or as dark as the page around them.
"use strict";

function tellFrames() {
  const chosen = document.body.dataset.theme;
  const dark = chosen === "dark" || chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches;
  for (const frame of document.querySelectorAll("iframe.explorer"))
    frame.contentWindow.postMessage({ theme: dark ? "dark" : "light" }, "*");
}

addEventListener("DOMContentLoaded", () => {
  new MutationObserver(tellFrames).observe(document.body, { attributeFilter: ["data-theme"] });
  for (const frame of document.querySelectorAll("iframe.explorer")) frame.addEventListener("load", tellFrames);
});
