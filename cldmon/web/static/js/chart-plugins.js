// What a chart shows besides its lines: the future, forecasts, and marks of events.

import { getColour } from "./styles.js";

const DASHES = [4, 4];
const MARKS = {
  limit_hit: { shape: buildPolygon("-1,1 1,1 0,-1"), dash: [], colour: "mark-hit" },
  usage_reset: { shape: buildPolygon("-1,-1 1,-1 0,1"), dash: [2, 3], colour: "mark-reset" },
  limit_changed: { shape: buildPolygon("0,-1 1,0 0,1 -1,0"), dash: [6, 3], colour: "mark-changed" },
  account_failed: {
    shape: buildPolygon("-1,-.6 -.6,-1 0,-.4 .6,-1 1,-.6 .4,0 1,.6 .6,1 0,.4 -.6,1 -1,.6 -.4,0"),
    dash: [1, 2],
    colour: "mark-failed",
  },
};
const FEW = 8; // up to so many marks, each has a line down to the axis

/** Shade the future. Drawn below everything else. */
export function drawFuture(chart, now) {
  const { ctx, bbox } = chart;
  const from = Math.max(bbox.left, toX(chart, now));
  const right = bbox.left + bbox.width;
  if (from >= right) return;
  ctx.save();
  ctx.fillStyle = getColour("future");
  ctx.fillRect(from, bbox.top, right - from, bbox.height);
  drawLine(
    ctx,
    getColour("now"),
    1,
    [],
    [
      [from, bbox.top],
      [from, bbox.top + bbox.height],
    ],
  );
  ctx.restore();
}

/** Draw each forecast as a dashed line from the last reading to the reset. */
export function drawForecasts(chart, forecasts) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top - 4, bbox.width, bbox.height + 8);
  ctx.clip();
  for (const { style, points } of forecasts) {
    const path = points.map(([ms, percent]) => [
      toX(chart, ms),
      chart.valToPos(percent, "y", true),
    ]);
    drawLine(ctx, getColour(`series-${style.colour}`), Math.min(2, style.width), DASHES, path);
  }
  ctx.restore();
}

/** Mark events above the lines. */
export function drawMarks(chart, marks) {
  const { ctx, bbox } = chart;
  const placed = marks.map(({ at, kind }) => ({ x: toX(chart, at), ...MARKS[kind] }));
  const seen = placed.filter(
    ({ x, shape }) => shape && x >= bbox.left && x <= bbox.left + bbox.width,
  );
  ctx.save();
  for (const { x, shape, dash, colour } of seen) {
    const ink = getColour(colour);
    if (seen.length <= FEW) {
      const ends = [
        [x, bbox.top],
        [x, bbox.top + bbox.height],
      ];
      ctx.globalAlpha = 0.6;
      drawLine(ctx, ink, 1, dash, ends);
      ctx.globalAlpha = 1;
    }
    drawShape(ctx, x, bbox.top - 7 * devicePixelRatio, shape, ink);
  }
  ctx.restore();
}

function toX(chart, ms) {
  return chart.valToPos(ms, "x", true);
}

function drawLine(ctx, ink, width, dashes, points) {
  ctx.beginPath();
  ctx.strokeStyle = ink;
  ctx.lineWidth = width * devicePixelRatio;
  ctx.setLineDash(dashes.map((length) => length * devicePixelRatio));
  points.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  ctx.stroke();
}

/** `shape` has the corners of a polygon, from -1 to 1. */
function drawShape(ctx, x, y, shape, ink) {
  const half = 5 * devicePixelRatio;
  ctx.beginPath();
  for (const [right, down] of shape) ctx.lineTo(x + half * right, y + half * down);
  ctx.closePath();
  ctx.fillStyle = ink;
  ctx.fill();
}

function buildPolygon(corners) {
  return corners.split(" ").map((corner) => corner.split(",").map(Number));
}
