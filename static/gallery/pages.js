// Our own pages, fetched to take parts of them.

/** The page at an address; an answer that is not ok, nor one of `alsoFine`, is an error with its `status`. */
export async function fetchPage(address, { alsoFine = [], ...options } = {}) {
  const reply = await fetch(address, { headers: { Accept: "text/html" }, ...options });
  if (!reply.ok && !alsoFine.includes(reply.status)) throw Object.assign(new Error(reply.statusText), { status: reply.status });
  return pageOf(reply);
}

export async function pageOf(reply) {
  return new DOMParser().parseFromString(await reply.text(), "text/html");
}
