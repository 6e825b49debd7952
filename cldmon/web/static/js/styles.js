// How each line is drawn: distinct by colour, and without colour by width and dashes.

import { el, svg } from "./dom.js";

const WINDOW_STYLES = [
  { width: 3, dash: [] },
  { width: 1.5, dash: [] },
  { width: 2, dash: [9, 3, 2, 3] },
  { width: 2, dash: [2, 3] },
  { width: 2, dash: [14, 4] },
  { width: 2, dash: [5, 2, 5, 6] },
  { width: 3, dash: [1, 4] },
  { width: 2, dash: [12, 3, 2, 3, 2, 3] },
].map((style, colour) => ({ ...style, colour }));
const FIXED = ["fiveHour", "sevenDay"]; // these look the same in every chart
const ACCOUNT_STYLES = [[], [8, 4], [2, 3], [14, 3, 3, 3], [5, 2, 5, 8]].flatMap((dash) =>
  WINDOW_STYLES.map(({ colour }) => ({ width: 2, dash, colour })),
);

/** Return the style of each window of an account. */
export function assignWindowStyles(names) {
  const others = names.filter((name) => !FIXED.includes(name));
  return new Map(
    names.map((name) => {
      const fixed = FIXED.indexOf(name);
      const free = WINDOW_STYLES.length - FIXED.length;
      const number = fixed >= 0 ? fixed : FIXED.length + (others.indexOf(name) % free);
      return [name, WINDOW_STYLES[number]];
    }),
  );
}

/** Return the style of each account: forty differ in colour or dashes. */
export function assignAccountStyles(labels) {
  return new Map(labels.map((label, n) => [label, ACCOUNT_STYLES[n % ACCOUNT_STYLES.length]]));
}

/** Return a colour of the style sheet in the current scheme. */
export function getColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Return a small drawing of a line for the legend. */
export function drawSwatch({ colour, width, dash }) {
  return el(
    "span",
    { class: "swatch", "aria-hidden": "true" },
    svg(
      "svg",
      { viewBox: "0 0 30 8", width: 30, height: 8 },
      svg("line", {
        x1: 0,
        x2: 30,
        y1: 4,
        y2: 4,
        class: `series-${colour}`,
        "stroke-width": width,
        "stroke-dasharray": dash.join(" "),
      }),
    ),
  );
}
