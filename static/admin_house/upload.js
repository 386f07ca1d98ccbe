// Uploads by tus 1.0.0, one file after the other, in pieces: a broken connection costs one of them. What was interrupted goes
// on when its file is chosen again: the server keeps name, size and date of change with each upload.

const PIECE = 32 * 2 ** 20; // bytes of one request
const FIRST_WAIT = 1000; // milliseconds before a failed request is made again; doubles with each
const LONGEST_WAIT = 30000;
const HOPELESS = new Set([400, 401, 403, 404, 410, 413, 415, 507]); // trying again would not help
const LOST = new Set([404, 410, 415]); // the server has nothing of it any more: chosen again, it begins anew

const form = document.getElementById("upload");
const input = document.getElementById("upload-file");
const list = document.getElementById("uploads");
const spoken = document.getElementById("upload-spoken");
const waiting = []; // of uploads, the next first
let current; // the upload that is being sent

input.multiple = true;
input.required = false;
document.querySelector(".drop-hint").hidden = false;
for (const row of list.children) row.querySelector(".acts").append(button("Remove", () => forget(row)));

input.addEventListener("change", () => {
  take(input.files);
  input.value = "";
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("is-dragging");
});
addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("is-dragging"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("is-dragging");
  take(event.dataTransfer.files);
});
addEventListener("beforeunload", (event) => current && event.preventDefault());

function take(files) {
  for (const file of files) {
    const upload = { file, metadata: metadataOf(file), row: rowFor(file), wait: FIRST_WAIT };
    upload.id = upload.row.dataset.id;
    show(upload, "Waits its turn");
    acts(upload, ["Remove", remove]);
    waiting.push(upload);
  }
  document.getElementById("uploads-part").hidden = !list.children.length;
  next();
}

async function next() {
  if (current || !waiting.length) return;
  current = waiting.shift();
  await send(current).catch((problem) => fail(current, problem));
  current = undefined;
  next();
}

// --- One upload

async function send(upload) {
  acts(upload, ["Pause", pause], ["Remove", remove]);
  upload.isPaused = upload.isRemoved = false;
  let reply = await persist(upload, () => (upload.id ? ask("HEAD", address(upload)) : create(upload)));
  while (reply) {
    upload.id = upload.row.dataset.id ??= reply.header("Location").split("/").pop();
    upload.offset = Number(reply.header("Upload-Offset"));
    if (upload.offset === upload.file.size) return finish(upload, reply.header("Upload-Job"));
    reply = await persist(upload, () => sendPiece(upload));
  }
  if (upload.isPaused) show(upload, `Paused at ${share(upload)}`);
}

function create(upload) {
  return ask("POST", form.dataset.uploads, { "Upload-Length": upload.file.size, "Upload-Metadata": upload.metadata });
}

function sendPiece(upload) {
  const piece = upload.file.slice(upload.offset, upload.offset + PIECE);
  const headers = { "Upload-Offset": upload.offset, "Content-Type": "application/offset+octet-stream" };
  upload.startedAt ??= { time: performance.now(), offset: upload.offset };
  return ask("PATCH", address(upload), headers, piece, (request) => {
    upload.request = request;
    request.upload.onprogress = ({ loaded }) => show(upload, told(upload, upload.offset + loaded), upload.offset + loaded);
    request.upload.onload = () => upload.offset + piece.size === upload.file.size && show(upload, "Being looked at", upload.file.size);
  });
}

function finish(upload, job) {
  acts(upload);
  show(upload, "In the library's inbox; ", upload.file.size);
  const scan = Object.assign(document.createElement("a"), { href: form.dataset.job.replace("/0/", `/${job}/`), textContent: "a scan adds it" });
  upload.row.querySelector(".told").append(scan);
  upload.row.classList.add("finished");
  delete upload.row.dataset.id;
  say(`${upload.file.name} is uploaded`);
}

function fail(upload, problem) {
  acts(upload, ["Remove", remove]);
  upload.row.classList.add("failed");
  if (LOST.has(problem.status)) delete upload.row.dataset.id;
  show(upload, problem.message);
  say(`${upload.file.name}: ${problem.message}`);
}

// What people do with it

function pause(upload) {
  upload.isPaused = true;
  upload.request?.abort();
  upload.wake?.();
  acts(upload, ["Resume", resume], ["Remove", remove]);
}

function resume(upload) {
  upload.startedAt = undefined;
  show(upload, "Waits its turn");
  acts(upload, ["Remove", remove]);
  waiting.push(upload);
  next();
}

function remove(upload) {
  upload.isRemoved = true;
  upload.request?.abort();
  upload.wake?.();
  if (waiting.includes(upload)) waiting.splice(waiting.indexOf(upload), 1);
  forget(upload.row);
}

async function forget(row) {
  if (row.dataset.id) await ask("DELETE", form.dataset.uploads + row.dataset.id).catch(() => {}); // else it expires
  row.remove();
  input.focus();
}

// --- The server

/** Ask until there is an answer, after a failure where the upload stands; undefined when it was paused or removed meanwhile. */
async function persist(upload, question) {
  for (;;) {
    const reply = await question().catch(() => undefined);
    if (upload.isPaused || upload.isRemoved) return undefined;
    if (reply?.isGood) {
      upload.wait = FIRST_WAIT;
      return reply;
    }
    if (HOPELESS.has(reply?.status)) throw Object.assign(new Error(reply.sentence), { status: reply.status });
    show(upload, reply ? `${reply.sentence}; tries again` : "The server does not answer; tries again");
    await new Promise((wake) => { upload.wake = wake; setTimeout(wake, upload.wait); });
    upload.wait = Math.min(2 * upload.wait, LONGEST_WAIT);
    if (upload.isPaused || upload.isRemoved) return undefined;
    if (upload.id) question = () => ask("HEAD", address(upload)); // the reply may have been lost, and not the piece
  }
}

// fetch() tells no progress of what it sends.
function ask(method, url, headers = {}, body = null, prepare = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    for (const [name, value] of Object.entries({ "Tus-Resumable": "1.0.0", "X-CSRFToken": token, ...headers })) request.setRequestHeader(name, value);
    request.onload = () => resolve({
      status: request.status,
      isGood: request.status >= 200 && request.status < 300,
      header: (name) => request.getResponseHeader(name),
      sentence: sentenceOf(request),
    });
    request.onerror = request.onabort = reject;
    prepare(request);
    request.send(body);
  });
}

function sentenceOf(request) {
  try {
    return JSON.parse(request.responseText).error;
  } catch {
    return `The server answers ${request.status}`;
  }
}

const address = (upload) => form.dataset.uploads + upload.id;

// --- What is shown

function rowFor(file) {
  const metadata = metadataOf(file);
  const known = [...list.children].find((row) => row.dataset.id && row.dataset.metadata === metadata && Number(row.dataset.length) === file.size);
  const row = known ?? document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
  row.classList.remove("failed");
  row.querySelector("bdi").textContent = file.name;
  row.querySelector("progress").max = file.size;
  row.querySelector("progress").setAttribute("aria-label", `Progress of ${file.name}`);
  row.dataset.metadata = metadata;
  row.dataset.length = file.size;
  if (!known) list.prepend(row);
  return row;
}

function metadataOf(file) {
  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return `filename ${base64(file.name)},lastModified ${base64(String(file.lastModified))}`;
}

function show(upload, text, value) {
  upload.row.querySelector(".told").textContent = text;
  if (value !== undefined) upload.row.querySelector("progress").value = value;
}

function told(upload, sent) {
  const seconds = (performance.now() - upload.startedAt.time) / 1000;
  const rate = (sent - upload.startedAt.offset) / Math.max(seconds, 0.5);
  const left = rate ? `, ${duration((upload.file.size - sent) / rate)} left` : "";
  return `${size(sent)} of ${size(upload.file.size)}${left}`;
}

const share = (upload) => `${Math.floor((100 * (upload.offset ?? 0)) / upload.file.size)} %`;
const duration = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);
const size = (bytes) => (bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MB` : `${(bytes / 2 ** 30).toFixed(2)} GB`);
function say(text) { spoken.textContent = text; }

function acts(upload, ...verbs) {
  upload.row.querySelector(".acts").replaceChildren(...verbs.map(([name, act]) => button(name, () => act(upload))));
}

function button(name, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: name });
  made.addEventListener("click", act);
  return made;
}
