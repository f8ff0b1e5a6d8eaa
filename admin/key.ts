import type {
  Capability,
  Keyset,
  Manifest,
  PublicKeys,
  Report,
  SealedBundle,
  SignedCapability,
  SignedKeyset,
  SignedStatement,
  Statement,
} from '../bundle/index.ts';
import type { SignedHeaders, UnsignedRequest } from '../protocol/request-signature.ts';

/**
 * What an administrator's key signs. Every call is typed and none takes bytes: whoever holds the key,
 * be it another process or a person at its own terminal, sees what it is asked for and may refuse it
 * by throwing. What is thrown reaches the caller as it is.
 */
export interface SignPort {
  /** An HTTP request to the server. @returns its signature, as headers */
  request(request: UnsignedRequest): Promise<SignedHeaders>;
  /** A decision. @param keyIndex the position of this key in the keyset of the statement */
  statement(statement: Statement, keyIndex: number): Promise<SignedStatement>;
  /** The next administrators of a site. @param keyIndex the position of this key in the keyset before */
  keyset(keyset: Keyset, keyIndex: number): Promise<SignedKeyset>;
  /** The right to read states. @param keyIndex the position of this key in the keyset that it names */
  capability(capability: Capability, keyIndex: number): Promise<SignedCapability>;
  /**
   * A bundle that this administrator makes.
   * @param recipients X25519 keys, 32 bytes each: the node's, then those of the keyset in its order
   * @returns the bundle: compressed, sealed, signed
   */
  bundle(manifest: Manifest, recipients: readonly Uint8Array[]): Promise<Uint8Array>;
  /**
   * Told what will be asked for next, before any of it is: a key that asks a person asks once about all.
   * What was not announced may be asked for as well. Absent: nobody is asked.
   * @throws where it is refused
   */
  announce?(next: Announcement): Promise<void>;
}

/** What a key will be asked for. */
export interface Announcement {
  readonly statements?: readonly Pick<Statement, 'type' | 'node'>[];
  readonly keyset?: Keyset;
}

/** What an administrator's key opens. The signature of what is given was checked before. */
export interface OpenPort {
  /** @throws not_a_recipient, any code of the format */
  bundle(sealed: SealedBundle): Promise<Manifest>;
  /** @throws not_a_recipient, any code of the format */
  report(sealed: SealedBundle): Promise<Report>;
}

/** An administrator's key as a session has it: its public half, and the two ports. */
export interface KeyPorts extends PublicKeys {
  readonly sign: SignPort;
  readonly open: OpenPort;
}
