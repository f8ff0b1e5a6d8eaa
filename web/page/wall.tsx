import type { MonitorView } from '../../admin/monitor.ts';
import { STATES, WRONG } from '../../admin/views/states.ts';
import type { State } from '../../admin/views/states.ts';
import { codeOf } from '../../protocol/errors.ts';
import { count } from '../../protocol/count.ts';
import type { WallPicture } from '../wall-watch.ts';
import { Time } from './frame.tsx';
import { Badge } from './state.tsx';

/** What a wall says of itself. */
export interface WallProps {
  /** name of the site */
  readonly site: string;
  readonly picture: WallPicture;
  /** until when it may be shown, unix seconds */
  readonly expires: number;
}

/** So many nodes are on a screen; of the others there is the number. */
const MAX_SHOWN = 200;

/** What wants somebody, by the states that are not sealed. */
const WANTS: readonly State[] = [...WRONG, 'waiting', 'first', 'expiring'];
const wants = ({ states }: MonitorView): boolean => states.some((state) => WANTS.includes(state));
const rank = ({ states }: MonitorView): number => STATES.indexOf(states[0]!);

/** A whole page that only shows: how many nodes are in each state, and which want somebody. */
export function Wall({ site, picture, expires }: WallProps) {
  const { at, error, isOver, version } = picture;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${isOver ? 'Ended' : 'Nodes'} · ${site} · coatcheck`}</title>
        <link rel="stylesheet" href="/assets/style.css" />
        <link rel="icon" href="data:," />
        <script src="/assets/wall.js" type="module"></script>
        <noscript>
          <meta http-equiv="refresh" content="30" />
        </noscript>
      </head>
      <body data-version={String(version)}>
        <header>
          <p class="whose">
            <strong>{site}</strong> · read only, until <Time at={expires} />
          </p>
          <p class="whose">
            {at === undefined ? (
              'not known yet'
            ) : (
              <>
                as of <span id="at">{<Time at={at} exact />}</span>
              </>
            )}
          </p>
        </header>
        <p id="lost" class="alarm" role="alert" hidden>
          This screen hears nothing of coatcheck any more. What it shows is as of the time above.
        </p>
        <div id="alarms">
          {error !== undefined && !isOver && (
            <p class="alarm" role="alert">
              Not known since {at === undefined ? 'this was started' : <Time at={at} exact />}: the
              server cannot be asked ({codeOf(error)}). What is shown is older.
            </p>
          )}
        </div>
        <main id="main">{isOver ? <Over /> : <Nodes picture={picture} />}</main>
      </body>
    </html>
  );
}

function Over() {
  return (
    <>
      <h1>This view has ended</h1>
      <p class="lead bad" role="alert">
        ✖ The right to be told how machines stand has ended, or the administrators of the site
        changed: nothing is shown any more.
      </p>
      <p>
        An administrator gives another: <code>coatcheck keys monitor FILE</code>, and{' '}
        <code>coatcheck ui --capability FILE</code> again.
      </p>
    </>
  );
}

function Nodes({ picture: { nodes, at } }: { picture: WallPicture }) {
  const sorted = nodes.toSorted((a, b) => rank(a) - rank(b));
  const wanting = sorted.filter(wants);
  const tally = STATES.map((state): [State, number] => [
    state,
    nodes.filter(({ states }) => states.includes(state)).length,
  ]).filter(([, number]) => number > 0);
  return (
    <>
      <h1>
        {at === undefined
          ? 'Looking at the nodes'
          : `${count(nodes.length, 'node')}, ${wanting.length} ${wanting.length === 1 ? 'wants' : 'want'} a person`}
      </h1>
      <div class="columns">
        <section aria-labelledby="wants">
          <h2 id="wants">Wants a person</h2>
          {wanting.length === 0 && at !== undefined && (
            <p class="empty">Nothing waits, and nothing ends soon.</p>
          )}
          <ul class="cards">
            {wanting.slice(0, MAX_SHOWN).map((view) => (
              <li>
                <article class="card">
                  <h3 class="words">{view.words}</h3>
                  <p>
                    {view.states.map((state) => (
                      <>
                        <Badge state={state} />{' '}
                      </>
                    ))}
                    <span class="dim">
                      {view.waitingSince !== undefined && (
                        <>
                          waits since <Time at={view.waitingSince} relative />{' '}
                        </>
                      )}
                      {view.expires !== undefined && (
                        <>
                          until <Time at={view.expires} />{' '}
                        </>
                      )}
                      {view.problem}
                    </span>
                  </p>
                  <p>
                    <code class="digest dim">{view.node}</code>
                  </p>
                </article>
              </li>
            ))}
          </ul>
          {wanting.length > MAX_SHOWN && <p>And {wanting.length - MAX_SHOWN} more.</p>}
        </section>
        <section aria-labelledby="all">
          <h2 id="all">How all stand</h2>
          <ul class="tally plain">
            {tally.map(([state, number]) => (
              <li>
                <Badge state={state} /> <span class="number">{number}</span>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}
