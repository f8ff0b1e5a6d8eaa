const acts = new Set<() => void>();

/** Has `act` done before a signal ends the process, unless what this gives was called. */
export function beforeEnd(act: () => void): () => void {
  acts.add(act);
  return () => void acts.delete(act);
}

/** Does what {@link beforeEnd} was told. */
export function doBeforeEnd(): void {
  for (const act of acts) act();
}

let handler: ((signal: 'SIGINT' | 'SIGTERM') => void) | undefined;

/** Calls `end` at the first SIGINT or SIGTERM, unless {@link nextInterrupt} waits for it. */
export function onSignal(end: (signal: 'SIGINT' | 'SIGTERM') => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (handler === undefined) end(signal);
      else handler(signal);
    });
  }
}

/**
 * From now on a SIGINT or SIGTERM does not end the process but resolves this; one more does nothing,
 * since npm passes on what the terminal has sent already.
 */
export function nextInterrupt(): Promise<void> {
  return new Promise((resolve) => {
    handler = () => resolve();
  });
}

/**
 * Ends nothing at a SIGINT or SIGTERM, but tells of it, until what this gives is called, which says the last
 * that came.
 */
export function holdingSignals(
  tell: (signal: 'SIGINT' | 'SIGTERM') => void,
): () => 'SIGINT' | 'SIGTERM' | undefined {
  const before = handler;
  let last: 'SIGINT' | 'SIGTERM' | undefined;
  handler = (signal) => {
    last = signal;
    tell(signal);
  };
  return () => {
    handler = before;
    return last;
  };
}
