// Figures as text, elements, and the data of the page.

const DATA = JSON.parse(document.getElementById("data").textContent);
const METHODS = DATA.methods;
const MAIN = METHODS[0].main[0];
const SEVERAL = METHODS.length > 1;

// A fraction in percent with one decimal, rounded as Python rounds it: exact halves go to the even digit.
function percent(value) {
  if (value === null || value === undefined) return "-";
  const hundredfold = 100 * value;
  const rest = Math.abs(hundredfold % 1);
  const text = rest === 0.25 ? (Math.trunc(hundredfold * 10) / 10).toFixed(1) : hundredfold.toFixed(1);
  return text === "-0.0" ? "0.0" : text;
}

function difference(value) {
  return value === null ? "-" : (value > 0.0005 ? "+" : "") + percent(value);
}

function countOf(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") made.style.cssText = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function mean(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

// The mean of a video's main figure over the methods, by which videos are called worse.
function worth(video) {
  return mean(video.figures.map((figures) => figures[MAIN]));
}

// The places of an object's values among the annotated frames.
function places(series) {
  return Array.isArray(series.at) ? series.at : series.J.map((_, index) => series.at + index);
}
