import type { Child } from 'hono/jsx';

/** What stands around every screen. */
export interface FrameProps {
  /** of the tab and the heading */
  readonly title: string;
  readonly site: string;
  /** name of whose key it is */
  readonly admin: string;
  /** what the script asks the server for news from; absent where nothing of the screen changes */
  readonly version?: number | undefined;
  /** Sentences that stand above everything: the store contradicts what was seen, or does not answer. */
  readonly alarms?: readonly string[];
  readonly children?: Child;
}

const KEYS = [
  ['j k', 'next, previous'],
  ['Enter', 'open'],
  ['g w', 'what waits'],
  ['g n', 'all nodes'],
  ['g l', 'the record'],
  ['/', 'search'],
  ['a', 'to the decision'],
  ['x', 'to the refusal'],
  ['r', 'load what changed'],
  ['Esc', 'away from a field, or from this map'],
  ['?', 'these keys'],
] as const;

/** A whole page: no script and no style stands in it, and nothing of it comes from elsewhere. */
export function Frame({ title, site, admin, version, alarms = [], children }: FrameProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · ${site} · coatcheck`}</title>
        <link rel="stylesheet" href="/assets/style.css" />
        <link rel="icon" href="data:," />
        <script src="/assets/page.js" type="module"></script>
      </head>
      <body {...(version === undefined ? {} : { 'data-version': String(version) })}>
        <a class="skip" href="#main">
          To the content
        </a>
        <header>
          <nav aria-label="Screens">
            <a href="/" class="brand">
              coatcheck
            </a>
            <a href="/">Waiting</a>
            <a href="/nodes">Nodes</a>
            <a href="/log">Record</a>
          </nav>
          <p class="whose">
            {site} <span aria-hidden="true">·</span> {admin}
          </p>
        </header>
        {alarms.length > 0 && (
          <div class="alarm" role="alert">
            {alarms.map((text) => (
              <p>{text}</p>
            ))}
          </div>
        )}
        <main id="main">
          <h1>{title}</h1>
          {children}
        </main>
        <p id="news" role="status" hidden>
          <a href="">Something changed: load it</a> <kbd>r</kbd>
        </p>
        <details class="keys">
          <summary>
            Keys <kbd>?</kbd>
          </summary>
          <dl>
            {KEYS.map(([key, what]) => (
              <div>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </details>
      </body>
    </html>
  );
}

/** How long something has waited, in the middle of a sentence. @param since unix seconds */
export function Waiting({ since }: { since: number }) {
  const iso = new Date(since * 1000).toISOString();
  return (
    <time datetime={iso} data-waiting="">
      {`waiting since ${iso.slice(0, 16).replace('T', ' ')} UTC`}
    </time>
  );
}

/**
 * A time: the script writes it as the browser's language and zone have it.
 * @param at unix seconds
 * @param exact with its seconds
 */
export function Time({
  at,
  relative = false,
  exact = false,
}: {
  at: number;
  relative?: boolean;
  exact?: boolean;
}) {
  const iso = new Date(at * 1000).toISOString();
  return (
    <time
      datetime={iso}
      {...(relative ? { 'data-relative': '' } : {})}
      {...(exact ? { 'data-exact': '' } : {})}
    >
      {`${iso.slice(0, exact ? 19 : 16).replace('T', ' ')} UTC`}
    </time>
  );
}
