// What the modules share: who this page is about, how moments are written, and how the server is asked.

export const mediaId = Number(document.querySelector(".screen").dataset.media);

/** Write seconds as people do: 0:07, 11:25, 1:02:03. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

const numbers = new Intl.NumberFormat("en"); // made once, before anybody waits for it

export const write = (count) => numbers.format(count);

export const emoji = (kind) => document.querySelector(`.emoji[data-kind=${kind}] [aria-hidden]`).textContent;

/** The JSON of a reply; throws when the server refuses or cannot be reached. */
export async function ask(address, options) {
  const reply = await fetch(address, options);
  if (!reply.ok) throw Object.assign(new Error(reply.statusText), { status: reply.status });
  return reply.json();
}

/** POST JSON to our API, with the token by which it knows a signed-in page of ours. */
export function send(address, body, options) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  return ask(address, { method: "POST", headers, body: JSON.stringify(body), ...options });
}

let fading;

/** Say something for a moment, to eyes and to screen readers. */
export function say(text) {
  const toast = document.querySelector(".toast");
  toast.textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => (toast.textContent = ""), 6000);
}

/** Why something did not work, in words for a person. */
export function excuse(error) {
  if (error.status === 429) return "That was a little fast. Please try again in a minute.";
  if (error.status === 403) return "You may not do this here.";
  return "That did not work. Please try again.";
}

// A browser may keep nothing for us, in a private window or another site's frame; then nothing is remembered.
export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // as said above
  }
}
