// Tables that are sorted by a click on a column's name.

const MOST_ROWS = 200;
const ROWS_A_STEP = 5000; // as many as a browser shows at once without a pause
const NATURAL = new Intl.Collator("en", { numeric: true });

// Show rows in a table. columns: {title, number, get, show, text}. get: the value to sort by; show: what stands in the
// cell. The first column names the row.
function fillTable(table, columns, rows, sorting, onSort) {
  const head = element("tr");
  columns.forEach((column, index) => {
    const state = sorting.index === index ? (sorting.down ? "descending" : "ascending") : "none";
    const button = element("button", { type: "button", onclick: () => onSort(index) }, column.title);
    head.append(element("th", { scope: "col", class: column.number && "n", "aria-sort": state }, button));
  });
  const body = element("tbody");
  const ordered = sortRows(rows, columns[sorting.index], sorting.down);
  const foot = element("tfoot");
  const append = (from, to) => {
    body.append(...ordered.slice(from, to).map((row) => makeRow(columns, row)));
    const next = Math.min(ordered.length, to + ROWS_A_STEP);
    const text = next === ordered.length ? `Show all ${ordered.length.toLocaleString("en")} rows` : `Show ${ROWS_A_STEP.toLocaleString("en")} more of ${ordered.length.toLocaleString("en")} rows`;
    const button = element("button", { type: "button", onclick: () => append(to, next) }, text);
    foot.replaceChildren(...(to < ordered.length ? [element("tr", {}, element("td", { colspan: columns.length, class: "more" }, button))] : []));
  };
  append(0, MOST_ROWS);
  table.replaceChildren(element("thead", {}, head), body, foot);
}

function makeRow(columns, row) {
  return element("tr", {}, ...columns.map((column, index) => {
    const shown = column.show ? column.show(row) : String(column.get(row) ?? "-");
    return element(index ? "td" : "th", { class: column.number && "n", scope: index ? null : "row" }, shown);
  }));
}

// Rows without a value come last in either direction.
function sortRows(rows, column, down) {
  const known = rows.filter((row) => isKnown(column.get(row)));
  const compare = column.number
    ? (a, b) => column.get(a) - column.get(b)
    : (a, b) => NATURAL.compare(String(column.get(a)), String(column.get(b)));
  known.sort(compare);
  return [...(down ? known.reverse() : known), ...rows.filter((row) => !isKnown(column.get(row)))];
}

function isKnown(value) {
  return value !== null && value !== undefined;
}

// A table of the page that is there already becomes sortable by the values of its cells.
function makeSortable(table) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((cell, index) => {
    const button = element("button", { type: "button" }, cell.textContent);
    cell.replaceChildren(button);
    cell.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const down = cell.getAttribute("aria-sort") !== "descending" && index > 0;
      for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
      cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      const number = cell.classList.contains("n");
      const read = (row) => {
        const { value } = row.cells[index].dataset;
        if (!number) return row.cells[index].textContent.trim();
        return value === "" || value === "None" || value === "nan" ? null : Number(value);
      };
      body.append(...sortRows([...body.rows], { number, get: read }, down));
    });
  });
}

function videoLink(place, text) {
  return element("a", { href: `#video-${place}`, onclick: (event) => { event.preventDefault(); openVideo(place); } }, text);
}

// The columns of the table of videos or objects: all figures of one method, or one figure of all methods.
function listColumns(kind, metric) {
  if (kind === "every") return listEveryColumns();
  const columns = [{ title: "video", get: (row) => row.name, show: (row) => videoLink(row.place, row.name) }];
  if (kind === "object") {
    columns.push({ title: "object", number: true, get: (row) => row.thing.id, show: (row) => String(row.thing.id) });
    if (DATA.videos.some((video) => video.objects.some((thing) => thing.group))) columns.push({ title: "group", get: (row) => row.thing.group });
  } else {
    columns.push({ title: "objects", number: true, get: (row) => row.video.objects.length });
    columns.push({ title: "frames", number: true, get: (row) => row.video.frames.length });
  }
  if (!SEVERAL) {
    const names = DATA.metrics.filter((name) => DATA.videos.some((video) => name in video.figures[0]));
    return [...columns, ...names.map((name) => figureColumn(name, (row) => row.figures[0][name]))];
  }
  METHODS.forEach((method, index) => columns.push(figureColumn(method.name, (row) => row.figures[index][metric])));
  if (METHODS.length === 2) {
    columns.push(differenceColumn((row) => (isKnown(row.figures[0][metric]) && isKnown(row.figures[1][metric]) ? row.figures[1][metric] - row.figures[0][metric] : null), metric));
  }
  return columns;
}

// The columns of the table of all videos, which has the main figure of each method.
function listEveryColumns() {
  const columns = [
    { title: "video", get: (row) => row.name, show: (row) => (row.place === undefined ? row.name : videoLink(row.place, row.name)) },
    { title: "objects", number: true, get: (row) => row.objects },
    { title: "frames", number: true, get: (row) => row.frames },
  ];
  METHODS.forEach((method, index) => columns.push(figureColumn(SEVERAL ? method.name : MAIN, (row) => row.values[index])));
  if (METHODS.length === 2) columns.push(differenceColumn((row) => row.values[2], MAIN));
  return columns;
}

function differenceColumn(get, metric) {
  const sign = DATA.lower_is_better.includes(metric) ? -1 : 1;
  const tone = (value) => (value === null || Math.abs(value) < 0.0005 ? null : sign * value > 0 ? "gain" : "loss");
  return { title: `${METHODS[1].name} − ${METHODS[0].name}`, number: true, get, show: (row) => element("span", { class: tone(get(row)) }, difference(get(row))) };
}

function figureColumn(title, get) {
  return { title, number: true, get, show: (row) => percent(get(row)) };
}

// The rows of a table. main: the main figure of each method.
function listRows(kind) {
  if (kind === "every") return listEveryRows();
  const rows = DATA.videos.flatMap((video, place) => (kind === "object"
    ? video.objects.map((thing) => ({ place, video, thing, figures: thing.figures }))
    : [{ place, video, figures: video.figures }]));
  return rows.map((row) => ({ ...row, name: row.video.name, main: row.figures.map((figures) => figures[MAIN]) }));
}

let everyRow = null;

function listEveryRows() {
  if (!everyRow) {
    const { names, objects, frames, figures } = JSON.parse(document.getElementById("every-video").textContent);
    const places = new Map(DATA.videos.map((video, place) => [video.name, place]));
    everyRow = names.map((name, index) => {
      const values = figures.map((column) => (column[index] === null ? null : column[index] / 1000));
      return { name, place: places.get(name), objects: objects[index], frames: frames[index], values, main: values.slice(0, METHODS.length) };
    });
  }
  return everyRow;
}

function setUpTables() {
  makeSortable(document.getElementById("methods"));
  const table = document.getElementById("rows");
  const metrics = document.getElementById("table-metric");
  const filter = document.getElementById("table-filter");
  const below = document.getElementById("table-below");
  const known = DATA.metrics.filter((name) => DATA.videos.some((video) => video.figures.some((figures) => name in figures)));
  metrics?.append(...known.map((name) => element("option", { value: name }, name)));
  let sorting = null;
  const update = () => {
    const kind = document.querySelector("input[name=rows]:checked").value;
    const metric = metrics?.value ?? MAIN;
    const columns = listColumns(kind, metric);
    sorting ??= { index: columns.findIndex((column) => column.title === (SEVERAL ? METHODS[0].name : MAIN)), down: false };
    if (metrics) metrics.parentElement.hidden = kind === "every";
    const all = listRows(kind);
    const limit = below.value === "" ? Infinity : Number(below.value) / 100;
    const wanted = filter.value.toLowerCase();
    const rows = all.filter((row) => row.name.toLowerCase().includes(wanted)
      && (limit === Infinity || row.main.some((value) => isKnown(value) && value < limit)));
    const count = countOf(all.length, kind === "object" ? "object" : "video");
    document.getElementById("table-count").textContent = rows.length === all.length ? count : `${rows.length.toLocaleString("en")} of ${count}`;
    fillTable(table, columns, rows, sorting, (index) => {
      const down = sorting.index === index ? !sorting.down : false;
      sorting = { index, down };
      update();
      table.tHead.rows[0].cells[index].firstChild.focus();
    });
  };
  for (const input of document.querySelectorAll("#table-controls input, #table-controls select")) {
    input.addEventListener("input", () => { if (input.name === "rows") sorting = null; update(); });
  }
  update();
}
