// @ts-check
// A screen that nobody touches: it takes what is new at once, and never hides that it hears nothing.
import { writeTimes } from './times.js';

/** So long a server may be silent, which says something every 15 seconds, milliseconds. */
const SILENCE_MILLISECONDS = 45_000;

const lost = /** @type {HTMLElement} */ (document.querySelector('#lost'));
let heard = Date.now();
writeTimes();

/** Takes the screen as it is now, in place; where that fails, what is there stays readable. */
async function load() {
  const answer = await fetch('/', { headers: { accept: 'text/html' } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of ['header', '#alarms', 'main']) {
    const [now, next] = [document.querySelector(part), fresh.querySelector(part)];
    if (now !== null && next !== null) now.replaceChildren(...next.childNodes);
  }
  document.title = fresh.title;
  document.body.dataset['version'] = fresh.body.dataset['version'];
  writeTimes();
}

function listen() {
  const events = new EventSource('/events');
  events.addEventListener('look', (event) => {
    heard = Date.now();
    lost.hidden = true;
    // Version and time, as web/wall.tsx sends them.
    const [version = '', at = ''] = String(event.data).split(' ');
    if (version !== document.body.dataset['version']) {
      void load().catch(() => undefined);
      return;
    }
    const time = document.querySelector('#at time');
    if (at === '' || !(time instanceof HTMLTimeElement)) return;
    time.dateTime = new Date(Number(at) * 1000).toISOString();
    writeTimes();
  });
  events.addEventListener('error', () => {
    lost.hidden = false;
    // One that was refused is not tried again by itself; a reload would take away what can be read.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, SILENCE_MILLISECONDS);
  });
}
listen();
setInterval(() => {
  writeTimes();
  if (Date.now() - heard > SILENCE_MILLISECONDS) lost.hidden = false;
}, 5_000);
