// Charts by Vega-Lite. A chart is drawn when it comes into sight, and again when the colours of the page change.

const CHARTS = new Map();
const SIGHT = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      SIGHT.unobserve(entry.target);
      drawChart(entry.target);
    }
  }
}, { rootMargin: "300px" });

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function methodColours() {
  return METHODS.map((_, index) => colour(`m${index % 6}`));
}

function methodScale() {
  return { domain: METHODS.map((method) => method.name), range: methodColours() };
}

// Draw a chart in an element. makeSpec: returns the specification in the colours of now. onClick: gets the datum. Its
// room is kept free until then, so that nothing moves below a pointer when the chart is drawn.
function chart(target, makeSpec, onClick = null) {
  target.style.minHeight = `${makeSpec().height + (SEVERAL ? 68 : 44)}px`;
  CHARTS.set(target, { makeSpec, onClick, view: null });
  SIGHT.observe(target);
}

async function drawChart(target) {
  const entry = CHARTS.get(target);
  if (!entry || entry.busy) return;
  entry.busy = true;
  const quiet = colour("quiet");
  const options = { mode: "vega-lite", actions: false, renderer: "svg", tooltip: { theme: document.documentElement.dataset.theme } };
  const axis = { labelColor: quiet, titleColor: quiet, gridColor: colour("grid"), domainColor: colour("line"), tickColor: colour("line") };
  const legend = { labelColor: colour("ink"), titleColor: quiet, orient: "top", title: null, labelLimit: 150, symbolOpacity: 1, labelFontSize: 12 };
  const font = getComputedStyle(document.body).fontFamily;
  const config = {
    background: null, font, view: { stroke: null }, axis: { ...axis, titleFontWeight: 500, labelFontSize: 11, titleFontSize: 11 }, legend,
  };
  entry.view?.finalize();
  const { view } = await vegaEmbed(target, { width: "container", autosize: { type: "fit-x", contains: "padding" }, config, ...entry.makeSpec() }, options);
  entry.view = view;
  entry.busy = false;
  if (entry.onClick) {
    view.addEventListener("click", (event, item) => {
      const datum = item?.datum?.datum ?? item?.datum;
      if (datum) entry.onClick(datum);
    });
  }
  target.dataset.drawn = "";
}

function redrawCharts() {
  for (const [target, entry] of CHARTS) if (entry.view) drawChart(target);
}

function forgetCharts(within) {
  for (const [target, entry] of CHARTS) {
    if (within.contains(target)) {
      entry.view?.finalize();
      SIGHT.unobserve(target);
      CHARTS.delete(target);
    }
  }
}

const PERCENT_AXIS = { scale: { domain: [0, 100] }, axis: { tickCount: 5 } };

// The mean and the interval of every method in every bin.
function breakdownSpec(breakdown) {
  const label = (bin) => `${bin.name} · ${bin.objects.toLocaleString("en")}`;
  const values = breakdown.bins.flatMap((bin) => bin.scores.map((score, index) => score && {
    bin: bin.name, label: label(bin), method: METHODS[index].name, mean: 100 * score.mean, objects: bin.objects, frames: bin.frames,
    low: score.range && 100 * score.range[0], high: score.range && 100 * score.range[1],
  })).filter(Boolean);
  const tooltip = [
    { field: "bin", title: breakdown.title }, ...(SEVERAL ? [{ field: "method" }] : []), { field: "mean", title: MAIN, format: ".1f" },
    { field: "low", title: "from", format: ".1f" }, { field: "high", title: "to", format: ".1f" }, { field: "objects" }, { field: "frames" },
  ];
  const y = { field: "label", type: "nominal", sort: breakdown.bins.map(label), title: null, axis: { labelLimit: 190, ticks: false, domain: false, labelPadding: 8 } };
  const yOffset = { field: "method", sort: METHODS.map((method) => method.name) };
  const colours = { field: "method", scale: methodScale(), legend: SEVERAL ? {} : null, type: "nominal" };
  return {
    data: { values }, height: breakdown.bins.length * (SEVERAL ? 12 + 11 * METHODS.length : 26),
    encoding: { y, ...(SEVERAL ? { yOffset } : {}), color: colours, tooltip },
    layer: [
      { mark: { type: "rule", strokeWidth: 2, opacity: 0.55 }, encoding: { x: { field: "low", type: "quantitative", ...PERCENT_AXIS, title: `${MAIN}, %` }, x2: { field: "high" } }, transform: [{ filter: "isValid(datum.low)" }] },
      { mark: { type: "point", filled: true, size: 70, opacity: 1 }, encoding: { x: { field: "mean", type: "quantitative" } } },
    ],
  };
}

// How many things have a figure in each tenth. counts: of each method.
function histogramSpec(countsOfMethods, noun) {
  const values = countsOfMethods.flatMap((counts, index) => counts.map((count, tenth) => (
    { tenth: `${10 * tenth} to ${10 * tenth + 10}`, method: METHODS[index].name, count })));
  return {
    data: { values }, height: 190, mark: { type: "bar", cornerRadiusEnd: 2 },
    encoding: {
      x: { field: "tenth", type: "ordinal", sort: null, title: "%", axis: { labelAngle: 0, labelOverlap: true, grid: false } },
      y: { field: "count", type: "quantitative", title: noun, axis: { tickCount: 4, tickMinStep: 1, format: "~s" } },
      ...(SEVERAL ? { xOffset: { field: "method", sort: METHODS.map((method) => method.name) } } : {}),
      color: { field: "method", type: "nominal", scale: methodScale(), legend: SEVERAL ? {} : null },
      tooltip: [{ field: "tenth", title: "%" }, ...(SEVERAL ? [{ field: "method" }] : []), { field: "count", title: noun }],
    },
  };
}

function scatterSpec(across, up) {
  const values = DATA.videos.flatMap((video, place) => video.objects.map((thing) => ({
    place, video: video.name, object: thing.id, x: thing.figures[across][MAIN], y: thing.figures[up][MAIN],
  }))).filter((point) => point.x !== null && point.y !== null && point.x !== undefined && point.y !== undefined);
  for (const point of values) { point.x *= 100; point.y *= 100; }
  return {
    height: 300,
    layer: [
      { data: { values: [{ a: 0, b: 100 }] }, mark: { type: "rule", color: colour("quiet"), opacity: 0.5 }, encoding: { x: { datum: 0 }, y: { datum: 0 }, x2: { datum: 100 }, y2: { datum: 100 } } },
      {
        data: { values }, mark: { type: "point", filled: true, size: 60, opacity: 0.65, cursor: "pointer", color: colour("m0") },
        encoding: {
          x: { field: "x", type: "quantitative", title: METHODS[across].name, ...PERCENT_AXIS }, y: { field: "y", type: "quantitative", title: METHODS[up].name, ...PERCENT_AXIS },
          tooltip: [{ field: "video" }, { field: "object" }, { field: "x", title: METHODS[across].name, format: ".1f" }, { field: "y", title: METHODS[up].name, format: ".1f" }],
        },
      },
    ],
  };
}

// How many objects lie in each square of one method against another.
function squaresSpec(across, up) {
  const { pairs, squares } = DATA.distributions;
  const side = 100 / squares;
  const [low, high] = [Math.min(across, up), Math.max(across, up)];
  const counted = across === up ? [] : pairs[`${low}-${high}`].map(([first, second, count]) => (across < up ? [first, second, count] : [second, first, count]));
  const range = (square) => `${(side * square).toFixed(1)} to ${(side * (square + 1)).toFixed(1)}`;
  const values = counted.map(([x, y, count]) => ({
    x: side * x, x2: side * (x + 1), y: side * y, y2: side * (y + 1), count, across: range(x), up: range(y),
  }));
  return {
    height: 340,
    layer: [
      {
        data: { values }, mark: { type: "rect", stroke: null },
        encoding: {
          x: { field: "x", type: "quantitative", title: METHODS[across].name, ...PERCENT_AXIS }, x2: { field: "x2" },
          y: { field: "y", type: "quantitative", title: METHODS[up].name, ...PERCENT_AXIS }, y2: { field: "y2" },
          color: { field: "count", type: "quantitative", title: null, scale: { type: "log", range: [colour("square-few"), colour("m0")] }, legend: { title: "objects", orient: "top", gradientLength: 160, tickCount: 3, format: "~s" } },
          tooltip: [{ field: "across", title: METHODS[across].name }, { field: "up", title: METHODS[up].name }, { field: "count", title: "objects", format: "," }],
        },
      },
      { data: { values: [{ a: 0 }] }, mark: { type: "rule", color: colour("quiet"), opacity: 0.6 }, encoding: { x: { datum: 0 }, y: { datum: 0 }, x2: { datum: 100 }, y2: { datum: 100 } } },
    ],
  };
}

function speedSpec() {
  const values = DATA.videos.flatMap((video, place) => video.timings.map((timing, index) => timing && {
    place, video: video.name, objects: video.objects.length, fps: timing[1], seconds: timing[0], method: METHODS[index].name,
  })).filter(Boolean);
  const most = Math.max(...values.map((value) => value.objects)) + 1;
  const step = Math.ceil(most / 12);
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
  return {
    data: { values }, height: 240, mark: { type: "point", filled: true, size: 60, opacity: 0.7, cursor: "pointer" },
    encoding: {
      x: { field: "objects", type: "quantitative", title: "objects of the video", axis: { values: ticks, grid: false, format: "d" }, scale: { domain: [0, most], nice: false } },
      y: { field: "fps", type: "quantitative", title: "frames/s", scale: { zero: true } },
      color: { field: "method", type: "nominal", scale: methodScale(), legend: SEVERAL ? {} : null },
      tooltip: [{ field: "video" }, ...(SEVERAL ? [{ field: "method" }] : []), { field: "objects" }, { field: "fps", title: "frames/s", format: ".1f" }, { field: "seconds", format: ".1f" }],
    },
  };
}

// The measures of an object over time; marks: the places of frames that have a picture.
function seriesSpec(video, thing, marks) {
  const first = thing === video.objects[0];
  const last = thing === video.objects.at(-1);
  const measures = ["J", DATA.boundary];
  const rows = new Map();
  const lines = [];
  thing.series.forEach((series, index) => {
    if (!series) return;
    places(series).forEach((place, at) => {
      const row = rows.get(place) ?? { place, from: place - 0.5, to: place + 0.5, label: video.frames[place], picture: marks.has(place) ? "yes" : "no" };
      measures.forEach((measure) => {
        row[`m${index}${measure}`] = series[measure][at] / 10;
        lines.push({ place, value: series[measure][at] / 10, method: METHODS[index].name, measure });
      });
      rows.set(place, row);
    });
  });
  const cells = METHODS.flatMap((method, index) => thing.series[index]
    ? measures.map((measure) => ({ field: `m${index}${measure}`, title: SEVERAL ? `${measure}, ${method.name}` : measure, format: ".1f" })) : []);
  const x = { field: "place", type: "quantitative", title: last ? "annotated frame" : null, scale: { domain: [-0.5, video.frames.length - 0.5], nice: false }, axis: { grid: false, tickMinStep: 1, format: "d" } };
  const byMeasure = { field: "measure", type: "nominal", sort: measures };
  const stroke = SEVERAL
    ? { color: { field: "method", type: "nominal", scale: methodScale(), legend: first ? {} : null }, strokeDash: { ...byMeasure, scale: { domain: measures, range: [[1, 0], [5, 3]] }, legend: first ? {} : null } }
    : { color: { ...byMeasure, scale: { domain: measures, range: [colour("m0"), colour("m1")] }, legend: first ? {} : null }, strokeDash: { ...byMeasure, scale: { domain: measures, range: [[1, 0], [5, 3]] }, legend: first ? {} : null } };
  return {
    height: 120,
    layer: [
      { data: { values: lines }, mark: { type: "line", strokeWidth: 1.8, interpolate: "linear" }, encoding: { x, y: { field: "value", type: "quantitative", title: "%", ...PERCENT_AXIS }, ...stroke } },
      { data: { values: [...rows.values()].filter((row) => row.picture === "yes") }, mark: { type: "point", shape: "triangle-up", filled: true, size: 55, color: colour("quiet"), opacity: 1 }, encoding: { x, y: { datum: 0 } } },
      {
        data: { values: [...rows.values()] },
        params: [{ name: "hover", select: { type: "point", fields: ["place"], on: "pointerover", clear: "pointerout" } }],
        mark: { type: "rect", cursor: "pointer", color: colour("accent") },
        encoding: { x: { ...x, field: "from" }, x2: { field: "to" }, opacity: { condition: { param: "hover", empty: false, value: 0.25 }, value: 0 }, tooltip: [{ field: "label", type: "nominal", title: "frame" }, ...cells] },
      },
    ],
  };
}
