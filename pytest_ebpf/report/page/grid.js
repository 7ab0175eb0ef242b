// The matrix: a row for each test, a column for each kernel.

const grid = byId("grid");
const rows = [];   // {line, group, text}: its element, the number of its group, what is searched
const groups = []; // the element of each group's heading
const cells = [];  // by place; null where nothing was run

const STEPS = 6;

// From 0 to STEPS - 1, by the root: most tests take little, and a few take long.
function stepOf(milliseconds, longest) {
  return Math.min(STEPS - 1, Math.floor(Math.sqrt(milliseconds / (longest || 1)) * STEPS));
}

// The line is set apart from the patch level: 6.1 over .192
function columnHead(release, number) {
  const [, line, patch] = /^(\d+\.\d+)(.*)$/s.exec(visible(release)) ?? [null, visible(release), ""];
  const bad = [...report.rows.keys()].filter((row) => faceOf(row * WIDTH + number)?.bad).length;
  const head = element("div", { className: `head c${number}`, role: "columnheader", title: release },
    element("b", { textContent: line }), element("span", { textContent: patch }));
  head.append(element("i", { className: bad ? "bad" : "", textContent: bad ? `${bad} bad` : "" }));
  return head;
}

// A name may be broken after an underscore.
function breakable(name) {
  return name.split(/(?<=_)/).flatMap((part, number) => (number ? [element("wbr"), part] : [part]));
}

function makeCell(place, longest) {
  const face = faceOf(place);
  const cell = element("div", { className: `cell c${columnOf(place)}`, role: "gridcell" });
  if (!face) {
    cell.classList.add("none");
    cell.textContent = "\u00b7";
    cell.setAttribute("aria-label", "not run");
    return cell;
  }
  cell.tabIndex = -1;
  cell.dataset.place = place;
  cell.classList.add(`o${outcomeOf(place)}`, `t${stepOf(report.times[place], longest)}`);
  cell.append(element("span", { className: "mark", textContent: face.mark }),
    element("span", { className: "time", textContent: duration(report.times[place]) }));
  const change = changeOf(place);
  if (change) {
    cell.classList.add("changed", change[0]);
    const before = FACES[numberOf(change[1])];
    cell.title = before ? `was ${before.word}` : "new";
    cell.setAttribute("aria-label", `${face.word}, ${cell.title}`);
  }
  return cell;
}

function makeRow(number, longest) {
  const [own] = report.rows[number];
  const line = element("div", { className: "row", role: "row" },
    element("div", { className: "name", role: "rowheader", title: visible(own) },
      element("span", {}, ...breakable(visible(own)))));
  const said = [own];
  for (let column = 0; column < WIDTH; column++) {
    const place = number * WIDTH + column;
    cells[place] = makeCell(place, longest);
    line.append(cells[place]);
    if (report.reasons[place] !== undefined) said.push(reasonOf(place));
  }
  return { line, said };
}

function drawGrid() {
  const longest = report.times.reduce((most, time) => Math.max(most, time), 0);
  const all = document.createDocumentFragment();
  const head = element("div", { className: "row heads", role: "row" },
    element("div", { className: "name", role: "columnheader", textContent: "test" }));
  report.columns.forEach((release, number) => head.append(columnHead(release, number)));
  all.append(head);
  let group = "";
  report.rows.forEach(([, fresh], number) => {
    if (fresh !== undefined) {
      group = fresh;
      groups.push(element("div", { className: "row group", role: "row" },
        element("div", { className: "name", role: "rowheader", textContent: visible(group) })));
      all.append(groups.at(-1));
    }
    const { line, said } = makeRow(number, longest);
    rows.push({ line, group: groups.length - 1, text: [group, ...new Set(said)].join("\n").toLowerCase() });
    all.append(line);
  });
  grid.setAttribute("aria-rowcount", rows.length + 1);
  grid.style.setProperty("--columns", WIDTH);
  grid.append(all);
}
