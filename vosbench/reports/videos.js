// The list of videos. What is inside a video is made when it is opened.

const MOST_VIDEOS = 100;
const STRIPS = new Map();

// The worst frames of a video with their pictures, or none.
function readStrip(place) {
  if (!STRIPS.has(place)) {
    const source = document.getElementById(`strip-${place}`);
    STRIPS.set(place, source ? JSON.parse(source.textContent) : []);
  }
  return STRIPS.get(place);
}

const ORDERS = {
  "worst first": (a, b) => (worth(a.video) ?? 9) - (worth(b.video) ?? 9),
  "best first": (a, b) => (worth(b.video) ?? -9) - (worth(a.video) ?? -9),
  "name": (a, b) => a.video.name.localeCompare(b.video.name, "en", { numeric: true }),
  "order of the split": (a, b) => a.place - b.place,
};
if (METHODS.length === 2) {
  const gain = ({ video }) => (video.figures[1][MAIN] ?? 0) - (video.figures[0][MAIN] ?? 0);
  ORDERS[`gains of ${METHODS[1].name}`] = (a, b) => gain(b) - gain(a);
  ORDERS[`gains of ${METHODS[0].name}`] = (a, b) => gain(a) - gain(b);
}

let shownVideos = MOST_VIDEOS;

function updateVideos() {
  const list = document.getElementById("video-list");
  const wanted = document.getElementById("video-filter").value.toLowerCase();
  const order = ORDERS[document.getElementById("video-order").value];
  const all = DATA.videos.map((video, place) => ({ video, place }));
  const found = all.filter(({ video }) => video.name.toLowerCase().includes(wanted)).sort(order);
  const kept = new Map([...list.querySelectorAll("details")].map((item) => [Number(item.dataset.place), item]));
  const items = found.slice(0, shownVideos).map(({ video, place }) => kept.get(place) ?? makeVideo(video, place));
  document.getElementById("video-count").textContent = found.length === all.length ? countOf(all.length, "video") : `${found.length} of ${countOf(all.length, "video")}`;
  if (found.length > shownVideos) {
    items.push(element("button", { type: "button", onclick: () => { shownVideos = Infinity; updateVideos(); } }, `Show all ${found.length} videos`));
  }
  for (const item of kept.values()) if (!items.includes(item)) forgetCharts(item);
  list.replaceChildren(...items);
}

function makeVideo(video, place) {
  const bars = METHODS.map((method, index) => {
    const value = video.figures[index][MAIN];
    return element("div", { title: `${method.name}: ${MAIN} ${percent(value)}` },
      element("i", { style: `--part: ${100 * (value ?? 0)}%; --own: var(--m${index % 6})` }), element("span", {}, percent(value)));
  });
  const facts = `${countOf(video.objects.length, "object")} · ${countOf(video.frames.length, "frame")}`;
  const summary = element("summary", {}, element("span", { class: "name" }, video.name), element("span", { class: "facts" }, facts), element("div", { class: "bars" }, ...bars));
  const item = element("details", { class: "video", id: `video-${place}`, "data-place": place }, summary);
  item.addEventListener("toggle", () => {
    if (item.open && !item.querySelector(".inside")) item.append(fillVideo(video, place));
  });
  return item;
}

function fillVideo(video, place) {
  const strip = readStrip(place);
  const marks = new Set(strip.map((frame) => frame.index));
  const inside = element("div", { class: "inside" });
  inside.append(element("h4", {}, `J and ${DATA.boundary} over time`), element("p", { class: "meaning" }, strip.length
    ? "Hover for frame and values. Click to see the frame, or the nearest one that has pictures (▲)."
    : "Hover for frame and values."));
  for (const thing of video.objects) {
    const target = element("div", { class: "chart series", role: "img", "aria-label": `J and ${DATA.boundary} of object ${thing.id} over time` });
    const figures = METHODS.map((method, index) => `${SEVERAL ? `${method.name} ` : ""}${percent(thing.figures[index][MAIN])}`).join(" · ");
    inside.append(element("h4", {}, `object ${thing.id}`, element("span", { class: "meaning" }, `  ${MAIN} ${figures}`)), target);
    chart(target, () => seriesSpec(video, thing, marks), (datum) => { if (strip.length && "place" in datum) showFrame(place, datum.place); });
  }
  if (strip.length) inside.append(element("h4", {}, "Worst frames, the worst first"), makeStrip(video, place, strip));
  else inside.append(element("p", { class: "meaning" }, "This video has no pictures: only the videos with the lowest scores do."));
  return inside;
}

function listLayers() {
  return [
    { name: "ground truth", get: (frame) => frame.truth },
    ...METHODS.flatMap((method, index) => [
      { name: SEVERAL ? `${method.name}: prediction` : "prediction", get: (frame) => frame.predictions[index] },
      { name: SEVERAL ? `${method.name}: errors` : "errors", get: (frame) => frame.errors[index] },
    ]),
  ];
}

function describeFrame(video, frame) {
  const values = frame.values.map((value, index) => `${SEVERAL ? `${METHODS[index].name} ` : ""}${percent(value)}`).join(" · ");
  return { name: `frame ${video.frames[frame.index]}`, values: `J&F ${values}` };
}

function makePictures(video, frame, layer, eager = false) {
  const [height, width] = video.size;
  const loading = eager ? null : "lazy";
  const size = { width: 384, height: Math.max(1, Math.round((384 * height) / width)) };
  const text = `${layer.name} of frame ${video.frames[frame.index]} of ${video.name}`;
  if (!frame.frame) return [element("img", { src: layer.get(frame), alt: text, loading, ...size })];
  return [element("img", { src: frame.frame, alt: "", loading, ...size }), element("img", { src: layer.get(frame), alt: text, class: "over", loading })];
}

function makeStrip(video, place, strip) {
  const grid = element("div", { class: "strip", style: `--count: ${strip.length}` });
  for (const frame of strip) {
    const said = describeFrame(video, frame);
    grid.append(element("div", { class: "head" }, element("b", {}, said.name), said.values));
  }
  for (const layer of listLayers()) {
    grid.append(element("div", { class: "row" }, layer.name));
    for (const frame of strip) {
      const label = `${layer.name}, frame ${video.frames[frame.index]}`;
      grid.append(element("button", { type: "button", class: "tile", "aria-label": label, onclick: () => showFrame(place, frame.index) }, ...makePictures(video, frame, layer)));
    }
  }
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Worst frames of ${video.name}` }, grid);
}

let viewed = null;

// Show the pictures of a frame, or of the nearest one that has pictures.
function showFrame(place, wanted) {
  const video = DATA.videos[place];
  const strip = readStrip(place);
  const distance = (frame) => Math.abs(frame.index - wanted);
  const at = strip.reduce((best, frame, index) => (distance(frame) < distance(strip[best]) ? index : best), 0);
  const frame = strip[at];
  viewed = { place, at };
  const said = describeFrame(video, frame);
  document.getElementById("viewer-title").textContent = `${video.name}, ${said.name}`;
  document.getElementById("viewer-said").textContent = frame.index === wanted ? `${said.values}, the mean over its objects`
    : `Frame ${video.frames[wanted]} has no pictures; this is the nearest one that has. ${said.values}`;
  document.getElementById("viewer-tiles").replaceChildren(...listLayers().map((layer) => element("figure", {},
    element("div", { class: "tile" }, ...makePictures(video, frame, layer, true)), element("figcaption", {}, layer.name))));
  document.getElementById("viewer-figures").replaceChildren(makeFrameTable(video, frame.index));
  document.getElementById("viewer-back").disabled = at === 0;
  document.getElementById("viewer-on").disabled = at === strip.length - 1;
  const viewer = document.getElementById("viewer");
  if (!viewer.open) viewer.showModal();
}

// J and F of every object in a frame, by every method.
function makeFrameTable(video, place) {
  const measures = ["J", DATA.boundary];
  const head = element("tr", {}, element("th", { scope: "col" }, "object"),
    ...METHODS.flatMap((method) => measures.map((measure) => element("th", { scope: "col", class: "n" }, SEVERAL ? `${method.name}: ${measure}` : measure))));
  const rows = video.objects.map((thing) => element("tr", {}, element("th", { scope: "row" }, String(thing.id)), ...thing.series.flatMap((series) => {
    const at = series ? places(series).indexOf(place) : -1;
    return measures.map((measure) => element("td", { class: "n" }, at < 0 ? "-" : percent(series[measure][at] / 1000)));
  })));
  return element("div", { class: "scroll" }, element("table", { class: "figures tight" }, element("thead", {}, head), element("tbody", {}, ...rows)));
}

function stepFrame(step) {
  const strip = viewed && readStrip(viewed.place);
  const next = strip?.[viewed.at + step];
  if (next) showFrame(viewed.place, next.index);
}

function openVideo(place) {
  const filter = document.getElementById("video-filter");
  if (!document.getElementById(`video-${place}`)) {
    filter.value = "";
    shownVideos = Infinity;
    updateVideos();
  }
  const item = document.getElementById(`video-${place}`);
  item.open = true;
  item.scrollIntoView({ block: "start" });
  item.querySelector("summary").focus({ preventScroll: true });
  history.replaceState(null, "", `#video-${place}`);
}

function setUpVideos() {
  document.getElementById("video-order").append(...Object.keys(ORDERS).map((name) => element("option", { value: name }, name)));
  document.getElementById("video-order").addEventListener("input", updateVideos);
  document.getElementById("video-filter").addEventListener("input", updateVideos);
  const viewer = document.getElementById("viewer");
  document.getElementById("viewer-back").addEventListener("click", () => stepFrame(-1));
  document.getElementById("viewer-on").addEventListener("click", () => stepFrame(1));
  document.getElementById("viewer-close").addEventListener("click", () => viewer.close());
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
  viewer.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") stepFrame(-1);
    if (event.key === "ArrowRight") stepFrame(1);
  });
  updateVideos();
}
