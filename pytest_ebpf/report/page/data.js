// What the page knows: see html_data.py. Places are numbered by rows and then columns.

const report = JSON.parse(document.getElementById("data").textContent);
const FACES = report.faces.map(([word, mark, meaning, bad]) => ({ word, mark, meaning, bad }));
const WIDTH = report.columns.length;
const NOT_RUN = -1;

const byId = (id) => document.getElementById(id);
const rowOf = (place) => Math.floor(place / WIDTH);
const columnOf = (place) => place % WIDTH;

// The number of a letter, NOT_RUN for "-".
function numberOf(letter) {
  return letter === "-" ? NOT_RUN : letter.charCodeAt(0) - 97;
}

const outcomeOf = (place) => numberOf(report.outcomes[place]);
const faceOf = (place) => FACES[outcomeOf(place)];
const reasonOf = (place) => report.texts[report.reasons[place]] ?? "";
const changeOf = (place) => report.changes?.was[place];

// An element; text of the run gets into the page as text, never as markup.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Characters that do not show, or that turn others around, as what they are; colors of terminals left out.
function visible(text) {
  return text
    .replace(/\x1b\[[0-9;]*m/g, "")
    .replace(/\r\n/g, "\n")
    .replace(/[\x00-\x08\x0b-\x1f]/g, (found) => String.fromCharCode(0x2400 + found.charCodeAt(0)))
    .replace(/[\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu,
      (found) => `\\u${found.codePointAt(0).toString(16).padStart(4, "0")}`);
}

function duration(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  if (milliseconds < 100000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60000)} min ${Math.round((milliseconds % 60000) / 1000)} s`;
}

// What is told of failures, unpacked when it is first asked for.
let unpacked = null;

function details() {
  unpacked ??= (async () => {
    const bytes = Uint8Array.from(atob(byId("details").textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).json();
  })();
  return unpacked;
}
