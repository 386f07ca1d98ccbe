// The gallery: the chosen chip is in sight, and "Load more" appends the next page in place.
// Without this script the link simply leads there.
(() => {
  document.querySelector(".chip[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  const rows = document.querySelector(".rows");
  const more = document.querySelector(".more");
  const status = document.querySelector("[role=status]");
  if (!rows || !more) return;

  more.addEventListener("click", async (event) => {
    const link = event.target.closest("a[rel=next]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.ariaBusy === "true") return;
    link.ariaBusy = "true";
    try {
      append(await fetchPage(link.href));
    } catch {
      location.assign(link.href); // the browser says better than we can what is wrong
    }
  });

  async function fetchPage(url) {
    const response = await fetch(url, { headers: { Accept: "text/html" } });
    if (!response.ok) throw new Error(response.statusText);
    return new DOMParser().parseFromString(await response.text(), "text/html");
  }

  function append(page) {
    // A video whose counts grew meanwhile may come a second time.
    const isNew = (card) => !rows.querySelector(`[data-id="${card.dataset.id}"]`);
    const cards = [...page.querySelectorAll(".rows > .card")].filter(isNew);
    rows.append(...cards);
    more.replaceChildren(...page.querySelectorAll(".more > *"));
    status.textContent = `${cards.length} more videos, ${rows.children.length} in all`;
    cards[0]?.querySelector("a").focus({ preventScroll: true });
  }
})();
