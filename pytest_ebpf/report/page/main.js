// Draw it all, and listen.

function when(iso) {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : time.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

function drawHeader() {
  byId("project").textContent = report.project ? visible(report.project) : "eBPF matrix";
  byId("summary").textContent = report.summary;
  byId("summary").className = report.ok ? "ok" : "bad";
  const told = [report.began && when(report.began), report.seconds && `took ${duration(Math.round(report.seconds * 1000))}`];
  byId("facts").textContent = told.filter(Boolean).join(", ");
}

drawHeader();
drawChanges();
drawGrid();
drawFilters();
drawComplexity();
applyFilters();

grid.addEventListener("click", (event) => {
  const cell = event.target.closest(".cell[data-place]");
  if (!cell) return;
  focusCell(Number(cell.dataset.place));
  openPanel(Number(cell.dataset.place));
});
grid.addEventListener("keydown", onGridKey);
document.addEventListener("keydown", onKey);
byId("close").addEventListener("click", closePanel);
narrow.addEventListener("change", () => { byId("page").inert = narrow.matches && !panel.hidden; });
