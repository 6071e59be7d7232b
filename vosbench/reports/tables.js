// Tables that are sorted by a click on a column's name.

const MOST_ROWS = 200;

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
  const append = (from, to) => body.append(...ordered.slice(from, to).map((row) => makeRow(columns, row)));
  append(0, MOST_ROWS);
  table.replaceChildren(element("thead", {}, head), body);
  if (ordered.length > MOST_ROWS) {
    const button = element("button", { type: "button" }, `Show all ${ordered.length.toLocaleString("en")} rows`);
    const foot = element("tfoot", {}, element("tr", {}, element("td", { colspan: columns.length, class: "more" }, button)));
    button.addEventListener("click", () => { append(MOST_ROWS); foot.remove(); });
    table.append(foot);
  }
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
    : (a, b) => String(column.get(a)).localeCompare(String(column.get(b)), "en", { numeric: true });
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
  const label = kind === "object" ? (row) => `${row.video.name}` : (row) => row.video.name;
  const columns = [{ title: "video", get: label, show: (row) => videoLink(row.place, label(row)) }];
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
    const get = (row) => (isKnown(row.figures[0][metric]) && isKnown(row.figures[1][metric]) ? row.figures[1][metric] - row.figures[0][metric] : null);
    const sign = DATA.lower_is_better.includes(metric) ? -1 : 1;
    const tone = (value) => (value === null || Math.abs(value) < 0.0005 ? null : sign * value > 0 ? "gain" : "loss");
    columns.push({ title: `${METHODS[1].name} − ${METHODS[0].name}`, number: true, get, show: (row) => element("span", { class: tone(get(row)) }, difference(get(row))) });
  }
  return columns;
}

function figureColumn(title, get) {
  return { title, number: true, get, show: (row) => percent(get(row)) };
}

function listRows(kind) {
  return DATA.videos.flatMap((video, place) => (kind === "object"
    ? video.objects.map((thing) => ({ place, video, thing, figures: thing.figures }))
    : [{ place, video, figures: video.figures }]));
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
    const all = listRows(kind);
    const limit = below.value === "" ? Infinity : Number(below.value) / 100;
    const wanted = filter.value.toLowerCase();
    const rows = all.filter((row) => row.video.name.toLowerCase().includes(wanted)
      && (limit === Infinity || row.figures.some((figures) => isKnown(figures[MAIN]) && figures[MAIN] < limit)));
    document.getElementById("table-count").textContent = rows.length === all.length ? countOf(all.length, kind) : `${rows.length} of ${countOf(all.length, kind)}`;
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
