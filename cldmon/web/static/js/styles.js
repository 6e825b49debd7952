// How each window's line is drawn: distinct by colour, and without colour by width and dashes.

import { el, svg } from "./dom.js";

const STYLES = [
  { width: 3, dash: [] },
  { width: 1.5, dash: [] },
  { width: 2, dash: [9, 3, 2, 3] },
  { width: 2, dash: [2, 3] },
  { width: 2, dash: [14, 4] },
  { width: 2, dash: [5, 2, 5, 6] },
  { width: 3, dash: [1, 4] },
  { width: 2, dash: [12, 3, 2, 3, 2, 3] },
];
const FIXED = ["fiveHour", "sevenDay"]; // these look the same in every chart

/** Return the number of each window's style. */
export function assignStyles(names) {
  const others = names.filter((name) => !FIXED.includes(name));
  return new Map(
    names.map((name) => {
      const fixed = FIXED.indexOf(name);
      return [
        name,
        fixed >= 0 ? fixed : FIXED.length + (others.indexOf(name) % (STYLES.length - FIXED.length)),
      ];
    }),
  );
}

/** Return width and dashes of a style. */
export function getLineStyle(number) {
  return STYLES[number];
}

/** Return a colour of the style sheet in the current scheme. */
export function getColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Return a small drawing of a line for the legend. */
export function drawSwatch(number) {
  const { width, dash } = STYLES[number];
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
        class: `series-${number}`,
        "stroke-width": width,
        "stroke-dasharray": dash.join(" "),
      }),
    ),
  );
}
