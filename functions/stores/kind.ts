import type { Credential } from '../../protocol/permissions.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { LocalHandlerOptions } from '../../store/local-urls.ts';
import type { Finding } from '../doctor/probe.ts';
import type { ObjectStore, UrlSigner } from '../../store/port.ts';
import type { S3Settings } from '../../store/s3-settings.ts';
import type { StoreObserver } from '../../store/timed.ts';

/** A store as one credential sees it: what it may do, and URLs signed for that. */
export interface Access {
  readonly store: ObjectStore;
  readonly signer: UrlSigner;
}

/** A store that was opened. */
export interface OpenedStore {
  /**
   * @param options.baseUrl of the server, as clients reach it: for stores whose URLs it answers
   * @param options.now Unix seconds, by which URLs are dated; the clock of this machine unless given
   */
  readonly access: (options: {
    baseUrl: string;
    now?: () => number;
  }) => Readonly<Record<Credential, Access>>;
  /** What answers the URLs of a store that has no server of its own, on `/objects/`. */
  readonly objects?: (
    options: Pick<LocalHandlerOptions, 'now' | 'failed'>,
  ) => (request: Request) => Promise<Response>;
  /** What `doctor` asks of this kind of store alone. */
  readonly probe?: () => Promise<Finding[]>;
  /**
   * Takes the right to write, of a store that has one writer at a time: before it nothing can be written.
   * @param notice a line for the operator
   * @returns what gives it back, when nothing is to be written any more
   * @throws in_use, with who has it; the codes of a store
   */
  readonly hold?: (notice?: (text: string) => void) => Promise<() => Promise<void>>;
  /**
   * All of it, with each operation by the credential that has the right: for who copies a store, and never
   * for a server.
   */
  readonly whole: ObjectStore;
  /** The first part of an object's path in a URL, as a copy source names it. */
  readonly bucket: string;
}

/** The options of `serve` and `doctor` that say where the objects are; rows of `STORE_OPTIONS`. */
export interface StoreFlags {
  readonly store?: string;
  readonly endpoint?: string;
  readonly publicEndpoint?: string;
  readonly region: string;
  readonly dualStack?: boolean;
  readonly credentials?: string;
}

/**
 * One kind of store: how its place is written, and how it is opened.
 *
 * @typeParam Place what is known of a store before it is opened
 */
export interface StoreKind<Place> {
  /** How `--store` names one, as in a sentence: `a folder`, `s3://BUCKET`. */
  readonly form: string;
  /** Whether this text of `--store` names one. */
  readonly names: (text: string) => boolean;
  /** The options that it takes, of those that not every kind takes. */
  readonly takes: readonly (keyof StoreFlags)[];
  /** @throws usage */
  readonly place: (text: string, flags: StoreFlags) => Place;
  /** The place as a person reads it. */
  readonly describe: (place: Place) => string;
  /**
   * @param options.probing for `doctor`: makes and keeps nothing but the objects of its probes
   * @param options.ca of the site, PEM: who alone vouches for a store that is reached over TLS
   * @param options.observe hears how long the store takes
   * @throws what opening the store throws
   */
  readonly open: (
    place: Place,
    options: {
      readonly probing: boolean;
      readonly ca?: string | undefined;
      readonly observe?: StoreObserver | undefined;
    },
  ) => Promise<OpenedStore>;
  /** Of a store whose settings are somebody's: how `doctor` reads them. */
  readonly settings?: (
    place: Place,
    options: { readonly ca?: string | undefined },
  ) => Promise<S3Settings>;
}

/** One value for each credential. */
export function forEachCredential<T>(
  make: (credential: Credential) => T,
): Readonly<Record<Credential, T>> {
  return Object.fromEntries(CREDENTIALS.map((name) => [name, make(name)])) as Record<Credential, T>;
}
