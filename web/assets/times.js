// @ts-check

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const UNITS = /** @type {const} */ ([
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]);

/** @param {number} seconds */
function waiting(seconds) {
  const found = UNITS.find(([, length]) => seconds >= length);
  if (found === undefined) return 'just now';
  const [unit, size] = found;
  const number = Math.floor(seconds / size);
  return `waiting for ${number} ${unit}${number === 1 ? '' : 's'}`;
}

/** Writes every time as the reader's language and zone have it; the exact one is at hand. */
export function writeTimes() {
  for (const time of document.querySelectorAll('time')) {
    const at = new Date(time.dateTime);
    time.title = whole.format(at);
    const seconds = (at.getTime() - Date.now()) / 1000;
    const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
    if (time.dataset['waiting'] !== undefined) time.textContent = waiting(-seconds);
    else if (time.dataset['exact'] !== undefined) time.textContent = exact.format(at);
    else if (time.dataset['relative'] === undefined) time.textContent = absolute.format(at);
    else if (unit === undefined) time.textContent = 'just now';
    else time.textContent = relative.format(Math.round(seconds / unit[1]), unit[0]);
  }
}
