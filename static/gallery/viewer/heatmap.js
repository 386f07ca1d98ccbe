// Reactions over the length of a video as stacked areas, and where they peak.
// `timeline` is the reply of /api/reactions/timeline: buckets of `bucketSeconds` with a count for each kind.

const WIDTH = 1000; // of the drawing, as its viewBox says
const HEIGHT = 100;
const FULL = 94; // of the height that the fullest moment takes
const MOST_PEAKS = 5;
const PROMINENT = 1.2; // times the average

/** As the page's buttons name them. */
export const KINDS = Array.from(document.querySelectorAll(".emoji"), ({ dataset }) => dataset.kind);

/** One path for each kind, the first at the bottom. */
export function areas({ buckets, bucketSeconds }, duration) {
  const heights = KINDS.map((kind) => smooth(buckets.map((bucket) => bucket[kind])));
  const tallest = Math.max(...buckets.map((_, at) => sum(heights.map((layer) => layer[at]))), 1e-9);
  const across = buckets.map(({ start }) => (Math.min((start + bucketSeconds / 2) / duration, 1) * WIDTH).toFixed(1));
  let floor = buckets.map(() => 0);
  return heights.map((layer, number) => {
    const ceiling = floor.map((height, at) => height + layer[at]);
    const edge = (levels) => levels.map((height, at) => [across[at], (HEIGHT - (height / tallest) * FULL).toFixed(1)]);
    const path = `M0,${edge(ceiling)[0][1]}${curve([["0", edge(ceiling)[0][1]], ...edge(ceiling)])}V${edge(floor).at(-1)[1]}${curve(edge(floor).reverse())}H0Z`;
    floor = ceiling;
    return { kind: KINDS[number], path };
  });
}

/** Where most reactions came, in the order of time: `at` in seconds, `kind` the most frequent there. */
export function peaks({ buckets, bucketSeconds }) {
  const levels = smooth(buckets.map(({ total }) => total));
  const average = sum(levels) / levels.length;
  const apart = Math.max(5 / bucketSeconds, buckets.length / 20);
  const found = [];
  const highest = [...levels.keys()].sort((one, other) => levels[other] - levels[one]);
  for (const at of highest) {
    if (levels[at] <= average * PROMINENT || found.length === MOST_PEAKS) break;
    if (found.every((other) => Math.abs(other - at) >= apart)) found.push(at);
  }
  return found.sort((one, other) => one - other).map((at) => ({ at: buckets[at].start, level: levels[at], kind: mostFrequent(buckets, at) }));
}

/** The total of each kind. */
export function totals({ buckets }) {
  return Object.fromEntries(KINDS.map((kind) => [kind, sum(buckets.map((bucket) => bucket[kind]))]));
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** Each value mixed with its neighbours', the more often the more values there are: hills, no needles. */
function smooth(values) {
  for (let pass = 0; pass < Math.max(values.length / 40, 1); pass++) {
    values = values.map((value, at) => (values[at - 1] ?? value) / 4 + value / 2 + (values[at + 1] ?? value) / 4);
  }
  return values;
}

function mostFrequent(buckets, at) {
  const near = buckets.slice(Math.max(at - 1, 0), at + 2);
  const count = (kind) => sum(near.map((bucket) => bucket[kind]));
  return KINDS.reduce((best, kind) => (count(kind) > count(best) ? kind : best));
}

/** Through the points, level at each. */
function curve([first, ...points]) {
  let [x] = first;
  let y = first[1];
  const begin = `L${x},${y}`;
  return begin + points.map(([nextX, nextY]) => {
    const half = ((Number(x) + Number(nextX)) / 2).toFixed(1);
    const bend = `C${half},${y} ${half},${nextY} ${nextX},${nextY}`;
    [x, y] = [nextX, nextY];
    return bend;
  }).join("");
}
