// What is told of one cell, beside the matrix; on a narrow screen over it.

const panel = byId("panel");
const narrow = matchMedia("(max-width: 64rem)");
let opened = null; // a place

// Sections whose long lines are sentences; in logs and tables columns matter.
const AGAIN = "to run this again";
const WRAPPED = new Set(["failure", "why the program was refused", "packets given last", AGAIN]);

// How a line of a section looks: pytest marks errors by "E", the line that failed by ">".
function lineClass(title, line) {
  if (title === "failure") {
    if (/^E(\s|$)/.test(line)) return "error";
    if (line.startsWith(">")) return "at";
  } else if (/diff/.test(title)) {
    if (line.startsWith("+")) return "added";
    if (line.startsWith("-")) return "removed";
  }
  return "";
}

// Neighbouring lines of one look are one element: logs are long.
function preformatted(title, text) {
  const pre = element("pre", { tabIndex: 0, className: WRAPPED.has(title) || /^what kernel .* says$/.test(title) ? "wraps" : "" });
  let kept = [], look = "";
  const flush = () => {
    const joined = kept.join("");
    if (joined) pre.append(look ? element("span", { className: look, textContent: joined }) : joined);
    kept = [];
  };
  for (const line of visible(text).split(/(?<=\n)/)) {
    const next = lineClass(title, line);
    if (next !== look) flush();
    look = next;
    kept.push(line);
  }
  flush();
  return pre;
}

function copyButton(text) {
  const button = element("button", { type: "button", className: "copy", textContent: "copy" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      button.textContent = "not allowed";
    }
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
  return button;
}

function section(title, text) {
  const head = element("summary", {}, element("span", { textContent: visible(title) }), copyButton(text));
  return element("details", { open: true, className: "section" }, head, preformatted(title, text));
}

function facts(place) {
  const face = faceOf(place);
  const list = element("p", { className: "facts" },
    element("span", { className: `badge o${outcomeOf(place)}`, textContent: face.word }),
    ` on ${visible(report.columns[columnOf(place)])}, ${duration(report.times[place])}`);
  const change = changeOf(place);
  if (change) list.append(`, ${cells[place].title}`);
  if (face.meaning) list.append(`; ${face.meaning}`);
  return list;
}

function groupOf(row) {
  return row >= 0 ? report.rows[row][1] ?? groupOf(row - 1) : "";
}

async function openPanel(place) {
  opened = place;
  const row = rowOf(place);
  byId("panel-title").replaceChildren(
    element("small", { textContent: visible(groupOf(row)) }), visible(report.rows[row][0]));
  const body = byId("panel-body");
  body.replaceChildren(facts(place));
  if (reasonOf(place)) body.append(element("p", { className: "reason", textContent: visible(reasonOf(place)) }));
  panel.hidden = false;
  document.body.classList.add("open");
  byId("page").inert = narrow.matches;
  cells[place].scrollIntoView({ block: "nearest", inline: "nearest" });
  for (const cell of grid.querySelectorAll("[aria-selected]")) cell.removeAttribute("aria-selected");
  cells[place].setAttribute("aria-selected", "true");
  panel.focus({ preventScroll: true });
  panel.scrollTop = 0;
  let told;
  try {
    told = await details();
  } catch {
    body.append(element("p", { textContent: "This browser cannot unpack the details; they are in matrix.json." }));
    return;
  }
  if (opened !== place) return;
  const [test, sections] = told.cells[place] ?? ["", []];
  if (test && !sections.some(([title]) => told.texts[title] === AGAIN)) {
    body.append(section(AGAIN, `pytest -p ebpf '${test.replaceAll("'", "'\\''")}'`));
  }
  for (const [title, text] of sections) body.append(section(told.texts[title], told.texts[text]));
  if (!sections.length && !reasonOf(place)) body.append(element("p", { textContent: "Nothing more is told of it." }));
  body.dataset.place = place;
}

function closePanel() {
  panel.hidden = true;
  byId("page").inert = false;
  document.body.classList.remove("open");
  cells[opened].removeAttribute("aria-selected");
  if (isShown(opened)) focusCell(opened);
  else byId("search").focus();
  opened = null;
}
