// What a chart shows besides its lines: the future, forecasts, limit hits and resets.

import { getColour, getLineStyle } from "./styles.js";

const DASHES = [4, 4];
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
    drawLine(
      ctx,
      getColour(`series-${style}`),
      Math.min(2, getLineStyle(style).width),
      DASHES,
      path,
    );
  }
  ctx.restore();
}

/** Mark limit hits with ▲ and resets with ▼. */
export function drawMarks(chart, marks) {
  const { ctx, bbox } = chart;
  const placed = marks.map(({ at: ms, kind }) => ({ x: toX(chart, ms), kind }));
  const seen = placed.filter(({ x }) => x >= bbox.left && x <= bbox.left + bbox.width);
  ctx.save();
  for (const { x, kind } of seen) {
    const isHit = kind === "hit";
    const ink = getColour(isHit ? "mark-hit" : "mark-reset");
    if (seen.length <= FEW) {
      const bottom = bbox.top + bbox.height;
      const ends = [
        [x, bbox.top],
        [x, bottom],
      ];
      ctx.globalAlpha = 0.6;
      drawLine(ctx, ink, 1, isHit ? [] : [2, 3], ends);
      ctx.globalAlpha = 1;
    }
    drawTriangle(ctx, x, bbox.top - 7 * devicePixelRatio, isHit ? -1 : 1, ink);
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

/** `direction` is 1 for a triangle that points down, -1 for one that points up. */
function drawTriangle(ctx, x, y, direction, ink) {
  const half = 5 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x - half, y - half * direction);
  ctx.lineTo(x + half, y - half * direction);
  ctx.lineTo(x, y + half * direction);
  ctx.closePath();
  ctx.fillStyle = ink;
  ctx.fill();
}
