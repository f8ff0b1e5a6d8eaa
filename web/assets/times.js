// @ts-check

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const UNITS = /** @type {const} */ ([
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]);

/** Writes every time as the reader's language and zone have it; the exact one is at hand. */
export function writeTimes() {
  for (const time of document.querySelectorAll('time')) {
    const at = new Date(time.dateTime);
    time.title = at.toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'long' });
    const seconds = (at.getTime() - Date.now()) / 1000;
    const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
    if (time.dataset['exact'] !== undefined) time.textContent = exact.format(at);
    else if (time.dataset['relative'] === undefined) time.textContent = absolute.format(at);
    else if (unit === undefined) time.textContent = relative.format(0, 'minute');
    else time.textContent = relative.format(Math.round(seconds / unit[1]), unit[0]);
  }
}
