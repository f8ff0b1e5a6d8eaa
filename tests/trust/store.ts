import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBundle, readBundle, sealBundle, toBase64Url } from '../../bundle/index.ts';
import type { Identity, Manifest, NodeId, Report } from '../../bundle/index.ts';
import { MAX_REPORT_BYTES, MAX_SEALED_BYTES } from '../../bundle/header.ts';
import { openReport, sealReport } from '../../bundle/report.ts';
import { openKeyFile } from '../../cli/key-file.ts';
import { parseCa } from '../../net/certificates.ts';
import { decodeAttestation, encodeAttestation } from '../../protocol/attestation.ts';
import type { Attestation } from '../../protocol/attestation.ts';
import { digestHex, pendingKey, reportKey } from '../../protocol/keys.ts';
import type { DigestHex, ObjectKey } from '../../protocol/keys.ts';
import { parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';

/** The store of a site in a folder: its administrator reads it, and whoever has the server writes it. */
export interface SiteStore {
  readonly site: Site;
  /** A machine's last report, and what vouches for it. */
  report(node: NodeId): Promise<{ readonly report: Report; readonly attestation: Attestation }>;
  /** What vouches for a proposal. */
  vouchedIn(node: NodeId, digest: DigestHex): Promise<Attestation>;
  /** Puts a report in the place of a machine's last one, which has its key. */
  putReport(by: Identity, report: Report, attestation: Attestation): Promise<void>;
  /**
   * Puts a proposal of a machine beside what waits.
   * @param attestation what it says to vouch for it; absent: nothing does
   */
  putProposal(by: Identity, plain: Manifest, attestation?: Attestation): Promise<DigestHex>;
  /** Takes a proposal away. */
  removeProposal(node: NodeId, digest: DigestHex): Promise<void>;
}

/** @param home the administrator's folder, whose key has no passphrase */
export async function openSiteStore(home: string): Promise<SiteStore> {
  const site = parseSite(readFileSync(join(home, 'site.json'), 'utf8'), parseCa);
  const keyFile = join(home, 'admin.key');
  const admin = await openKeyFile(readFileSync(keyFile), async () => '', keyFile);
  const store = createFilesystemStore(join(home, 'store'));
  const { keys } = site.pinned.keyset;
  const administrators = keys.map(({ boxKey }) => boxKey);
  const read = async (key: ObjectKey, maxBytes: number): Promise<Uint8Array> =>
    (await store.get(key, { maxBytes }))!.body;
  return {
    site,
    report: async (node) => {
      const bytes = await read(reportKey(node), MAX_REPORT_BYTES);
      const sealed = readBundle(bytes, { maxBytes: MAX_REPORT_BYTES, expect: 'report' });
      const report = openReport(sealed, admin);
      return { report, attestation: decodeAttestation(report.attestation!) };
    },
    vouchedIn: async (node, digest) => {
      const bytes = await read(pendingKey(node, digest), MAX_SEALED_BYTES);
      const sealed = readBundle(bytes, { maxBytes: MAX_SEALED_BYTES, expect: 'proposal' });
      const { attestation } = openBundle(sealed, admin).metadata;
      return decodeAttestation(Buffer.from(attestation!, 'base64url'));
    },
    putReport: async (by, report, attestation) => {
      const told = { ...report, attestation: encodeAttestation(attestation) };
      const bytes = sealReport({ report: told, signer: by, recipients: administrators });
      await store.delete(reportKey(by.id));
      await store.create(reportKey(by.id), bytes);
    },
    putProposal: async (by, plain, attestation) => {
      const more = attestation && { attestation: toBase64Url(encodeAttestation(attestation)) };
      const manifest = { ...plain, metadata: { ...plain.metadata, ...more } };
      const recipients = [by.boxKey, ...administrators];
      const bytes = sealBundle({ manifest, signer: by, kind: 'node', recipients });
      const { digest } = readBundle(bytes, { maxBytes: MAX_SEALED_BYTES, expect: 'proposal' });
      await store.create(pendingKey(by.id, digestHex(digest)), bytes);
      return digestHex(digest);
    },
    removeProposal: (node, digest) => store.delete(pendingKey(node, digest)),
  };
}
