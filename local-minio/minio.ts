/** The administrator of a MinIO. It makes the bucket and the sessions: no server runs on it. */
export interface RootPair {
  readonly rootUser: string;
  readonly rootPassword: string;
}

/** A MinIO, and its root pair. */
export interface Minio extends RootPair {
  /** e.g. `http://127.0.0.1:40123` */
  readonly endpoint: string;
  /** Of what we started; absent for an endpoint that was running already. */
  readonly pid?: number;
  /** Ends a MinIO that we started: SIGTERM, then SIGKILL after 10 seconds. Safe to call again. */
  stop(): Promise<void>;
}
