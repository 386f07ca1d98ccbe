// Small comforts; every page works without them.
"use strict";

// A poster that cannot be loaded leaves its frame, not a broken image. Errors do not bubble, so they are caught on the way down.
document.addEventListener("error", (event) => {
  if (event.target.matches?.(".poster img")) event.target.classList.add("broken");
}, true);

// A one-time link signs in by itself, but only for somebody who sees the page: scanners and prefetching do not count.
for (const form of document.querySelectorAll("form[data-submit-when-seen]")) {
  const submit = () => document.visibilityState === "visible" && !document.prerendering && form.requestSubmit();
  document.addEventListener("visibilitychange", submit, { once: true });
  submit();
}

// Tags: a pill for each, which takes it away when pressed. The text field stays what is sent.
for (const field of document.querySelectorAll(".tags-input")) {
  const pills = document.createElement("ul");
  pills.className = "pills";
  const tags = () => field.value.split(",").map((tag) => tag.trim()).filter(Boolean);
  const draw = () => pills.replaceChildren(...tags().map((tag) => {
    const pill = document.createElement("button");
    pill.type = "button";
    pill.textContent = tag;
    pill.setAttribute("aria-label", `Remove the tag ${tag}`);
    pill.addEventListener("click", () => {
      field.value = tags().filter((other) => other !== tag).join(", ");
      draw();
      field.focus();
    });
    const item = document.createElement("li");
    item.append(pill);
    return item;
  }));
  field.insertAdjacentElement("afterend", pills);
  field.addEventListener("input", draw);
  draw();
}
