// Filters by test, outcome and kernel. Rows are hidden one by one; columns and cells by rules of style.

const chosen = { outcomes: new Set(), kernels: new Set() };
const hiddenColumns = new Set();
const rules = new CSSStyleSheet();

const isPressed = (id) => byId(id).getAttribute("aria-pressed") === "true";

// What is not asked for is dimmed in rows that are shown for something else; as a selector.
function dimmed() {
  const wanted = [...chosen.outcomes].map((outcome) => `.o${outcome}`);
  if (isPressed("only-changed")) {
    return wanted.length ? `.cell:not(.changed:is(${wanted.join(",")}))` : ".cell:not(.changed)";
  }
  return wanted.length ? `.cell:not(${wanted.join(",")})` : ".never";
}

// Whether a row has a cell, on a kernel that is shown, that is asked for.
function hasWanted(row) {
  const changed = isPressed("only-changed");
  if (!changed && !chosen.outcomes.size && !hiddenColumns.size) return true;
  for (let column = 0; column < WIDTH; column++) {
    const place = row * WIDTH + column;
    const outcome = outcomeOf(place);
    if (outcome === NOT_RUN || hiddenColumns.has(column)) continue;
    if ((!chosen.outcomes.size || chosen.outcomes.has(outcome)) && (!changed || changeOf(place))) return true;
  }
  return false;
}

function applyFilters() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  hiddenColumns.clear();
  if (chosen.kernels.size) {
    report.columns.forEach((_, column) => chosen.kernels.has(column) || hiddenColumns.add(column));
  }
  const shownGroups = new Set();
  let count = 0;
  rows.forEach((row, number) => {
    row.line.hidden = !(words.every((word) => row.text.includes(word)) && hasWanted(number));
    if (row.line.hidden) return;
    count += 1;
    shownGroups.add(row.group);
  });
  groups.forEach((line, number) => { line.hidden = !shownGroups.has(number); });
  const columns = [...hiddenColumns].map((column) => `.c${column}`).join(",");
  rules.replaceSync(`${columns ? `${columns}{display:none}` : ""} ${dimmed()}{opacity:.22}`);
  grid.style.setProperty("--columns", WIDTH - hiddenColumns.size);
  const all = count === rows.length;
  byId("shown").textContent = `${all ? "" : `${count} of `}${rows.length} test${rows.length === 1 ? "" : "s"}`;
  byId("nothing").hidden = count > 0;
  byId("reset").hidden = !words.length && !chosen.outcomes.size && !chosen.kernels.size && !isPressed("only-changed");
  keepReachable();
}

function resetFilters() {
  byId("search").value = "";
  chosen.outcomes.clear();
  chosen.kernels.clear();
  for (const button of byId("filters").querySelectorAll("[aria-pressed]:not(#by-time)")) {
    button.setAttribute("aria-pressed", "false");
  }
  applyFilters();
}

function toggle(button) {
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
}

// A button that puts *value* into a set of what is chosen, and takes it out.
function choice(set, value, properties, ...children) {
  const button = element("button", { type: "button", "aria-pressed": "false", ...properties }, ...children);
  button.addEventListener("click", () => {
    toggle(button);
    if (!set.delete(value)) set.add(value);
    applyFilters();
  });
  return button;
}

function drawFilters() {
  document.adoptedStyleSheets = [rules];
  const counts = new Map();
  for (const letter of report.outcomes) counts.set(numberOf(letter), (counts.get(numberOf(letter)) ?? 0) + 1);
  FACES.forEach((face, outcome) => {
    if (!counts.has(outcome)) return;
    byId("outcomes").append(choice(chosen.outcomes, outcome, { title: face.meaning },
      element("span", { className: `swatch o${outcome}` }), `${face.word} `,
      element("b", { textContent: counts.get(outcome) })));
  });
  report.columns.forEach((release, column) => {
    byId("kernels").append(choice(chosen.kernels, column, { textContent: visible(release) }));
  });
  byId("search").addEventListener("input", applyFilters);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("reset").addEventListener("click", () => { resetFilters(); byId("search").focus(); });
  byId("only-changed").hidden = !Object.keys(report.changes?.was ?? {}).length;
  byId("only-changed").addEventListener("click", ({ currentTarget }) => { toggle(currentTarget); applyFilters(); });
  byId("by-time").addEventListener("click", ({ currentTarget }) => {
    toggle(currentTarget);
    grid.classList.toggle("by-time", isPressed("by-time"));
  });
}
