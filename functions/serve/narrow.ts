import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

const END_OF_HEAD = '\r\n\r\n';

/** How many held connections go on in one turn of the event loop; between two turns every other is heard. */
const RELEASES_A_TURN = 4;

/** The connections that go on, in their order. One for a server. */
export class Turns {
  readonly #waiting: (() => void)[] = [];

  add(goOn: () => void): void {
    if (this.#waiting.push(goOn) === 1) this.#next();
  }

  #next(): void {
    setImmediate(() => {
      const now = this.#waiting.slice(0, RELEASES_A_TURN);
      for (const goOn of now) goOn();
      this.#waiting.splice(0, now.length);
      if (this.#waiting.length > 0) this.#next();
    });
  }
}

/**
 * A connection as Node's HTTP server is given it: of what a client sends, at most one request's head is
 * handed on at a time, and none while it is held. Node itself parses all that was read at once, 64 KiB,
 * which is two thousand requests of a pipelining client, before it looks at another connection.
 *
 * What was not handed on stays in the kernel, so that the client waits.
 */
export class NarrowConnection extends Duplex {
  readonly #socket: Socket;
  /** What was read and not handed on. */
  #rest: Buffer | undefined;
  #isWanted = false;
  #isHeld = false;
  #hasEnded = false;

  readonly #turns: Turns;

  constructor(socket: Socket, turns: Turns) {
    super({ readableHighWaterMark: 1 });
    this.#turns = turns;
    this.#socket = socket;
    socket.on('readable', () => {
      this.#handOn();
    });
    socket.on('end', () => {
      this.#hasEnded = true;
      this.#handOn();
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    socket.on('timeout', () => this.emit('timeout'));
  }

  /** Hands on nothing until {@link release}. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Goes on, after whatever other connections have to say. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#turns.add(() => {
      this.#handOn();
    });
  }

  /** As of a socket: of silence, in milliseconds. */
  setTimeout(milliseconds: number, callback?: () => void): this {
    this.#socket.setTimeout(milliseconds);
    if (callback !== undefined) this.once('timeout', callback);
    return this;
  }

  #handOn(): void {
    if (!this.#isWanted || this.#isHeld || this.destroyed) return;
    const chunk = this.#rest ?? (this.#socket.read() as Buffer | null);
    this.#rest = undefined;
    if (chunk === null) {
      if (this.#hasEnded) this.push(null);
      return;
    }
    const end = chunk.indexOf(END_OF_HEAD) + END_OF_HEAD.length;
    const isWhole = end < END_OF_HEAD.length || end === chunk.length;
    if (!isWhole) this.#rest = chunk.subarray(end);
    this.#isWanted = false;
    this.push(isWhole ? chunk : chunk.subarray(0, end));
  }

  override _read(): void {
    this.#isWanted = true;
    this.#handOn();
  }

  override _write(
    chunk: Buffer,
    encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.write(chunk, encoding, done);
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.cork();
    chunks.forEach(({ chunk, encoding }, i) => {
      this.#socket.write(chunk, encoding, i === chunks.length - 1 ? done : undefined);
    });
    this.#socket.uncork();
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
