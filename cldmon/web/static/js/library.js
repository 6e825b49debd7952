// The chart library. The page works without it if the installation lacks it.

import { el } from "./dom.js";

let loading = null;

/** Return uPlot, or null if it can't be loaded; the next call then retries. */
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
