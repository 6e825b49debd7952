// The chart library: part of the installation, or missing; the page works without it.

import { el } from "./dom.js";

let loading = null;

/** Return uPlot, or null if it cannot be loaded; the next call then tries again. */
export function loadChartLibrary() {
  loading ??= importLibrary();
  return loading;
}

async function importLibrary() {
  try {
    await Promise.all([
      insert(el("link", { rel: "stylesheet", href: "vendor/uPlot.min.css" })),
      insert(el("script", { src: "vendor/uPlot.iife.min.js" })),
    ]);
    return globalThis.uPlot ?? null;
  } catch {
    loading = null;
    return null;
  }
}

function insert(element) {
  return new Promise((resolve, reject) => {
    element.addEventListener("load", resolve);
    element.addEventListener("error", (event) => {
      element.remove();
      reject(event);
    });
    document.head.append(element);
  });
}
