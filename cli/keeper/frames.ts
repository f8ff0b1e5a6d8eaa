import type { Socket } from 'node:net';
import { fromBase64Url, toBase64Url } from '../../bundle/index.ts';
import { fail } from '../../protocol/errors.ts';

/** The largest that is said: a bundle of 1 MiB in base64, and what stands around it. */
export const MAX_FRAME_BYTES = 2 * 1024 * 1024;
/** Before it is known who is there. */
export const MAX_GREETING_BYTES = 1024;
/** A frame that was begun is whole by then. */
const FRAME_SECONDS = 10;

/**
 * One value as a frame: its length in four bytes, big-endian, and JSON in which bytes are
 * `{"bytes": "<base64url>"}`.
 */
export function encodeFrame(value: unknown): Buffer {
  const json = JSON.stringify(value, (_, each: unknown) =>
    each instanceof Uint8Array ? { bytes: toBase64Url(each) } : each,
  );
  const frame = Buffer.alloc(4 + Buffer.byteLength(json));
  frame.writeUInt32BE(frame.length - 4);
  frame.write(json, 4);
  return frame;
}

function decode(json: Buffer): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json), (_, each: unknown) => {
    if (typeof each !== 'object' || each === null || !('bytes' in each)) return each;
    if (Object.keys(each).length !== 1 || typeof each.bytes !== 'string') return each;
    return fromBase64Url(each.bytes);
  });
}

/** The frames of a connection, one after another. */
export interface Frames {
  /**
   * The next one; undefined once the other side has ended.
   * @throws bad_request for one that is too large, is not whole in ten seconds, or is no JSON
   */
  next(maxBytes: number): Promise<unknown>;
}

/** Reads frames; no more is read than is asked for, and what the system holds for us. */
export function framesOf(socket: Socket): Frames {
  let held: Buffer = Buffer.alloc(0);
  let isEnded = false;
  let wake: () => void = () => undefined;
  socket.pause();
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    socket.pause();
    wake();
  });
  const end = (): void => {
    isEnded = true;
    wake();
  };
  socket.on('end', end).on('close', end).on('error', end);

  async function more(): Promise<void> {
    if (isEnded) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
      socket.resume();
    });
  }

  async function next(maxBytes: number): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = { is: false };
    try {
      for (;;) {
        if (held.length > 0 && timer === undefined) {
          timer = setTimeout(() => {
            late.is = true;
            wake();
          }, FRAME_SECONDS * 1000);
        }
        const length = held.length < 4 ? 0 : held.readUInt32BE();
        if (length > maxBytes) throw fail('bad_request', `${length} bytes are more than are taken`);
        if (held.length >= 4 && held.length >= 4 + length) {
          const json = held.subarray(4, 4 + length);
          held = held.subarray(4 + length);
          return decode(json);
        }
        if (late.is) throw fail('bad_request', `it was not whole in ${FRAME_SECONDS} seconds`);
        if (isEnded) return undefined;
        await more();
      }
    } catch (cause) {
      if (cause instanceof SyntaxError || cause instanceof TypeError) {
        throw fail('bad_request', 'it is no JSON', { cause });
      }
      throw cause;
    } finally {
      clearTimeout(timer);
    }
  }
  return { next };
}
