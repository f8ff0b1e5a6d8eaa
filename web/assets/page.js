// @ts-check
// What needs a script: news of the server, keys, and times as this browser has them. Without it every
// screen works, and is loaded again by hand.

import { writeTimes } from './times.js';

writeTimes();
setInterval(writeTimes, 30_000);

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const news = document.querySelector('#news');
const keys = /** @type {HTMLDetailsElement | null} */ (document.querySelector('.keys'));

/** Nothing moves under a pointer, a field that is filled in, or a line that is looked at. */
const isInUse = () => main.matches(':hover') || main.contains(document.activeElement);

/** Takes the screen as it is now, in place. */
async function load() {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const now = fresh.querySelector('main');
  if (now === null) return;
  main.replaceChildren(...now.childNodes);
  document.body.dataset['version'] = fresh.body.dataset['version'];
  if (news instanceof HTMLElement) news.hidden = true;
  writeTimes();
}

// What a form is about: while somebody reads, another may decide.
const form = /** @type {HTMLInputElement | null} */ (main.querySelector('form.confirm [name=id]'));

async function sayIfDecided() {
  const answer = await fetch(`/stands/${form?.value}`);
  if (news instanceof HTMLElement && (await answer.text()) === 'no') news.hidden = false;
}

if (form !== null) {
  new EventSource('/events').addEventListener('version', () => void sayIfDecided());
} else if (document.body.dataset['version'] !== undefined) {
  new EventSource('/events').addEventListener('version', (event) => {
    if (event.data === document.body.dataset['version']) return;
    if (isInUse()) {
      if (news instanceof HTMLElement) news.hidden = false;
    } else void load();
  });
}

function takeNews() {
  if (form === null) void load();
  else location.reload();
}
news?.addEventListener('click', (event) => {
  event.preventDefault();
  takeNews();
});

// What is wrong with what was written is seen at once.
const wrong = main.querySelector('[aria-invalid], .bad[role=alert]');
if (wrong instanceof HTMLElement) {
  wrong.scrollIntoView({ block: 'center' });
  if (wrong instanceof HTMLInputElement) wrong.select();
}

/** What j and k go through. */
const stops = () => {
  // Beside files the nodes of a change are no list to go through.
  const files = main.querySelectorAll('.file h3');
  const found =
    files.length > 0
      ? files
      : main.querySelectorAll('.card h3 a, .nodes tbody a, .pages a, .outcomes a, .outcomes + p a');
  return /** @type {HTMLElement[]} */ ([...found]);
};

/** @param {string} which a form; without it nothing moves */
function toForm(which) {
  const form = document.querySelector(which);
  const field = form?.querySelector('input:not([type=hidden])') ?? form?.querySelector('button');
  if (field instanceof HTMLElement) field.focus();
  form?.scrollIntoView({ block: 'center' });
}

/** @param {number} by */
function move(by) {
  const all = stops();
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
  if (next === undefined) return;
  if (!(next instanceof HTMLAnchorElement)) next.tabIndex = -1;
  next.focus();
  next.scrollIntoView({ block: 'center' });
}

let isGoing = false;
document.addEventListener('keydown', (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.matches('input, select, textarea')) {
    if (event.key === 'Escape') target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const wasGoing = isGoing;
  isGoing = event.key === 'g';
  if (wasGoing && event.key === 'w') location.href = '/';
  else if (wasGoing && event.key === 'n') location.href = '/nodes';
  else if (wasGoing && event.key === 'l') location.href = '/log';
  else if (event.key === 'j') move(1);
  else if (event.key === 'k') move(-1);
  else if (event.key === 'r' && news instanceof HTMLElement && !news.hidden) takeNews();
  else if (event.key === 'a') toForm('form.confirm');
  else if (event.key === 'x') toForm('form.confirm[action="/reject"]');
  else if (event.key === 'Escape' && keys?.open) keys.open = false;
  else if (event.key === '/') {
    const field = document.querySelector('#search');
    if (field instanceof HTMLElement) field.focus();
    else location.href = '/nodes';
  } else if (event.key === '?' && keys !== null) keys.open = !keys.open;
  else return;
  event.preventDefault();
});
