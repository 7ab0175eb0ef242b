// What has changed, and what the verifier has to do.

const SHOWN = 30;
const LIMIT = 1000000; // BPF_COMPLEXITY_LIMIT_INSNS, since 5.2

function changeItem(place, [kind, before]) {
  const button = element("button", { type: "button", className: "link" },
    `${visible(report.rows[rowOf(place)][0])} on ${visible(report.columns[columnOf(place)])}`);
  button.addEventListener("click", () => {
    if (!isShown(place)) resetFilters();
    focusCell(place);
    openPanel(place);
  });
  return element("li", {}, element("span", { className: `kind ${kind}`, textContent: kind }), " ", button,
    ` ${FACES[numberOf(before)].word} \u2192 ${faceOf(place).word}`);
}

function drawChanges() {
  const { changes } = report;
  if (!changes) return;
  byId("changes").hidden = false;
  const since = changes.since ? ` Held against the run of ${when(changes.since)}.` : "";
  byId("changes-summary").textContent = `${changes.summary}.${since}`;
  const order = ["broken", "fixed", "changed"];
  const told = Object.entries(changes.was).filter(([, [kind]]) => order.includes(kind))
    .sort(([, [one]], [, [other]]) => order.indexOf(one) - order.indexOf(other));
  byId("changes-list").append(...told.slice(0, SHOWN).map(([place, was]) => changeItem(Number(place), was)));
  if (told.length > SHOWN) {
    byId("changes-list").append(element("li", { textContent: `and ${told.length - SHOWN} more: filter by "only what changed"` }));
  }
}

const grouped = (number) => number.toLocaleString("en");

function sizeCell(now, before, more, most) {
  if (!now) return element("td", { className: "none", textContent: "\u00b7", title: "not told" });
  const bar = element("span", { className: "bar" });
  bar.style.setProperty("--share", `${(now / most) * 100}%`);
  const cell = element("td", {}, bar, element("span", { textContent: grouped(now) }));
  if (before && before !== now) cell.append(growth(now - before, before));
  if (more) cell.append(element("small", { className: "besides", textContent: `${grouped(more[0])} states, ${grouped(more[1])} B` }));
  return cell;
}

// In percent, or in instructions where that is less than one.
function growth(more, before) {
  const share = Math.abs(more / before) * 100;
  const size = share < 1 ? grouped(Math.abs(more)) : `${share.toFixed(0)} %`;
  const look = share < 1 ? "" : more > 0 ? "more" : "less";
  return element("small", {
    className: look, textContent: `${more > 0 ? "+" : "\u2212"}${size}`, title: `was ${grouped(before)}`,
  });
}

function drawComplexity() {
  if (!report.programs.length) return;
  byId("complexity").hidden = false;
  const heads = ["program", ...report.columns.map(visible), "of the limit"];
  const lines = report.programs.map(([object, program, now, before, more = []]) => {
    const most = Math.max(...now);
    const share = (most / LIMIT) * 100;
    return element("tr", {},
      element("th", { scope: "row" }, element("small", { textContent: visible(object) }), visible(program)),
      ...now.map((size, column) => sizeCell(size, before[column], more[column], most)),
      element("td", { className: "share", textContent: share < 0.1 ? "< 0.1 %" : `${share.toFixed(1)} %` }));
  });
  byId("programs").append(
    element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col", textContent: text })))),
    element("tbody", {}, ...lines));
}
