// Moving in the matrix by keys. One cell at a time can be reached by Tab.

let current = null; // a place
let visited = false; // whether anybody has been there

const isShown = (place) => cells[place]?.dataset.place !== undefined
  && !rows[rowOf(place)].line.hidden && !hiddenColumns.has(columnOf(place));

function focusCell(place) {
  if (current !== null) cells[current].tabIndex = -1;
  current = place;
  visited = true;
  cells[place].tabIndex = 0;
  cells[place].focus({ preventScroll: true });
  cells[place].scrollIntoView({ block: "nearest", inline: "nearest" });
}

// The nearest cell from *place*, going by *step*, for which *wanted* holds; null if there is none.
function seek(place, step, wanted = isShown) {
  for (let next = place + step; next >= 0 && next < cells.length; next += step) {
    if (wanted(next)) return next;
  }
  return null;
}

const isBad = (place) => isShown(place) && faceOf(place).bad && !cells[place].matches(dimmed());

// From one failure to the next, around the end.
function nextFailure(step) {
  const from = visited && current !== null ? current : (step > 0 ? -1 : cells.length);
  const found = seek(from, step, isBad) ?? seek(step > 0 ? -1 : cells.length, step, isBad);
  if (found === null) return;
  focusCell(found);
  if (!panel.hidden) openPanel(found);
}

// Within a row only; up and down within a column.
function across(place, step) {
  const found = seek(place, step);
  return found !== null && rowOf(found) === rowOf(place) ? found : null;
}

function farthest(place, step) {
  let last = place;
  for (let next = across(last, step); next !== null; next = across(last, step)) last = next;
  return last;
}

function page(place, step) {
  let last = place;
  for (let count = 0; count < 15; count++) last = seek(last, step * WIDTH) ?? last;
  return last;
}

const MOVES = {
  ArrowRight: (place) => across(place, 1),
  ArrowLeft: (place) => across(place, -1),
  ArrowDown: (place) => seek(place, WIDTH),
  ArrowUp: (place) => seek(place, -WIDTH),
  PageDown: (place) => page(place, 1),
  PageUp: (place) => page(place, -1),
  Home: (place, whole) => (whole ? seek(-1, 1) : farthest(place, -1)),
  End: (place, whole) => (whole ? seek(cells.length, -1) : farthest(place, 1)),
};

function onGridKey(event) {
  const place = Number(event.target.dataset?.place);
  if (!event.target.classList.contains("cell") || event.altKey || event.metaKey) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    openPanel(place);
  } else if (MOVES[event.key]) {
    event.preventDefault();
    const found = MOVES[event.key](place, event.ctrlKey);
    if (found !== null) focusCell(found);
  }
}

// Keys that work wherever one is, but for where one writes.
function onKey(event) {
  const writing = event.target === byId("search");
  if (event.key === "Escape") {
    if (!panel.hidden) closePanel();
    else if (writing) resetFilters();
    else return;
    event.preventDefault();
  } else if (writing || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  } else if (event.key === "/") {
    event.preventDefault();
    byId("search").focus();
  } else if (event.key === "n" || event.key === "p") {
    nextFailure(event.key === "n" ? 1 : -1);
  }
}

// Keep one cell in reach of Tab, whatever was filtered away.
function keepReachable() {
  if (current !== null && isShown(current)) return;
  if (current !== null) cells[current].tabIndex = -1;
  current = seek(-1, 1);
  if (current !== null) cells[current].tabIndex = 0;
}
