// The chart library: built in by the installation, or missing, which the page can bear.

import { el } from "./dom.js";

let loading = null;

/** Return uPlot, or null where it cannot be had; then the next call asks again. */
export function chartLibrary() {
  loading ??= load();
  return loading;
}

async function load() {
  try {
    await Promise.all([
      loaded(el("link", { rel: "stylesheet", href: "vendor/uPlot.min.css" })),
      loaded(el("script", { src: "vendor/uPlot.iife.min.js" })),
    ]);
    return globalThis.uPlot ?? null;
  } catch {
    loading = null;
    return null;
  }
}

function loaded(element) {
  return new Promise((resolve, reject) => {
    element.addEventListener("load", resolve);
    element.addEventListener("error", (event) => {
      element.remove();
      reject(event);
    });
    document.head.append(element);
  });
}
