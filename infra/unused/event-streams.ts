/**
 * In the bundles in place of `@smithy/core/event-streams`: of S3 only SelectObjectContent answers with one, and no
 * function asks for that (infra/bundle.ts).
 */
export const eventStreamSerdeProvider = (): object => ({});
/** Adds nothing to a client's configuration. */
export const resolveEventStreamSerdeConfig = <C>(config: C): C => config;
/** Named by an import, and never made. */
export const EventStreamSerde = undefined;
