import type { Interface } from '../interfaces.ts';
import type { RawLease } from '../lease.ts';

/** An interface, as DHCP programs name it. */
export type LinkIndex = Pick<Interface, 'name' | 'index'>;

/** A program of the image that speaks DHCP. */
export interface DhcpProgram {
  readonly name: string;
  /** Whether this image works with it. */
  isHere(): Promise<boolean>;
  /**
   * Has it ask for an address on the interface, and keep it. May return before there is one.
   * @param over ends a program that is asking
   * @throws network_down with what it said
   */
  start(link: LinkIndex, over?: AbortSignal): Promise<void>;
  /** The lease that it has there, as it wrote it down; undefined if it has none. */
  lease(link: LinkIndex): RawLease | undefined | Promise<RawLease | undefined>;
}

/** What our own files are kept in while the machine runs: those of DHCP clients, and their hook. */
export const RUN_FOLDER = '/run/coatcheck';

/** How long a client asks before it gives up: several tries of a slow server. */
export const ASK_SECONDS = 60;
