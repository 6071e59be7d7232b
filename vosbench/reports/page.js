// The colours of the page, the sections in sight, and what is set up when the page opens.

const SYSTEM = matchMedia("(prefers-color-scheme: dark)");
const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };

function readTheme() {
  try { return localStorage.getItem("vosbench-theme") ?? "auto"; } catch { return "auto"; }
}

function setTheme(theme) {
  try { localStorage.setItem("vosbench-theme", theme); } catch { /* pages without storage forget the choice */ }
  const button = document.getElementById("theme");
  document.documentElement.dataset.theme = theme === "auto" ? (SYSTEM.matches ? "dark" : "light") : theme;
  button.dataset.choice = theme;
  button.textContent = `◐ ${THEMES[theme]}`;
  button.setAttribute("aria-label", `Colours: ${THEMES[theme]}. Click for the next choice.`);
  redrawCharts();
}

function setUpTheme() {
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    setTheme(names[(names.indexOf(button.dataset.choice) + 1) % names.length]);
  });
  SYSTEM.addEventListener("change", () => { if (button.dataset.choice === "auto") setTheme("auto"); });
  setTheme(readTheme() in THEMES ? readTheme() : "auto");
}

function setUpNavigation() {
  const links = new Map([...document.querySelectorAll(".bar nav a")].map((link) => [link.hash.slice(1), link]));
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) {
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const name of links.keys()) observer.observe(document.getElementById(name));
}

function setUpCharts() {
  for (const target of document.querySelectorAll("[data-breakdown]")) {
    chart(target, () => breakdownSpec(DATA.breakdowns[Number(target.dataset.breakdown)]));
  }
  chart(document.getElementById("object-histogram"), () => histogramSpec(DATA.distributions.objects, "objects"));
  chart(document.getElementById("frame-histogram"), () => histogramSpec(DATA.distributions.frames, "objects in frames"));
  const open = (datum) => { if ("place" in datum) openVideo(datum.place); };
  const scatter = document.getElementById("scatter");
  if (scatter) {
    const [across, up] = ["scatter-x", "scatter-y"].map((id) => document.getElementById(id));
    for (const select of [across, up]) select.append(...METHODS.map((method, index) => element("option", { value: index }, method.name)));
    up.value = "1";
    const spec = DATA.distributions.pairs ? squaresSpec : scatterSpec;
    chart(scatter, () => spec(Number(across.value), Number(up.value)), open);
    for (const select of [across, up]) select.addEventListener("input", () => drawChart(scatter));
  }
  const speed = document.getElementById("speed-chart");
  if (speed) chart(speed, speedSpec, open);
}

setUpTheme();
setUpNavigation();
setUpTables();
setUpVideos();
setUpCharts();
const asked = /^#video-(\d+)$/.exec(location.hash);
if (asked && Number(asked[1]) < DATA.videos.length) openVideo(Number(asked[1]));
addEventListener("beforeprint", () => {
  for (const numbers of document.querySelectorAll("details.numbers")) numbers.open = true;
  for (const [target, entry] of CHARTS) if (!entry.view) drawChart(target);
});
document.documentElement.dataset.ready = "";
