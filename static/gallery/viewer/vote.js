// A vote counts at once, and is taken back when the server didn't take it.
import { ask, excuse, say, write } from "./page.js";

export function takeVotes() {
  const form = document.querySelector(".vote");
  const button = form.querySelector("button");
  const count = button.querySelector(".count");
  let isSending = false;

  const show = ({ upvoted, upvoteCount }) => {
    button.ariaPressed = upvoted;
    button.value = upvoted ? "no" : "yes";
    count.textContent = write(upvoteCount);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    const body = new FormData(form, button);
    const before = { upvoted: button.ariaPressed === "true", upvoteCount: Number(count.textContent.replace(/\D/g, "")) };
    show({ upvoted: !before.upvoted, upvoteCount: before.upvoteCount + (before.upvoted ? -1 : 1) });
    try {
      show(await ask(form.action, { method: "POST", body, headers: { Accept: "application/json" } }));
    } catch (error) {
      show(before);
      say(excuse(error));
    } finally {
      isSending = false;
    }
  });
}
