import { maxFrameBytes } from '../../bundle/frame.ts';
import { takeEffect } from '../apply/settings.ts';
import { install } from '../boot/install.ts';
import type { Invocation } from '../boot/invocation.ts';
import { openOwnNode } from '../boot/own-node.ts';
import { revokeImages } from '../boot/revoke-images.ts';
import { decisionFromCopy } from '../boot/source.ts';
import { NOT_ASKED } from '../ready/readiness.ts';
import { throwFailures } from '../stages/effect.ts';
import { tellInstalled } from '../stages/tell.ts';
import { readPath } from '../tree/files.ts';
import { agentCommand, TAKE_OVER } from './options.ts';

/** Throws as {@link applyFile}. */
export const applyCommand = agentCommand({
  usage: 'apply <file>',
  about: 'verify and apply a copy of an approved configuration',
  options: [TAKE_OVER],
  run: (invocation, { file }, options) => applyFile(invocation, file, options),
});

/**
 * Verifies a copy of an approved object, applies it and makes it take effect.
 * @throws as `decisionFromCopy`, `install` and `takeEffect`; step_failed where part of it did not take effect
 */
export async function applyFile(
  invocation: Invocation,
  path: string,
  options: { readonly takeOver: boolean },
): Promise<void> {
  const { console } = invocation;
  const node = openOwnNode(invocation, options);
  const bytes = readPath(path, maxFrameBytes(node.site.maxBundleBytes));
  const decision = decisionFromCopy(node, bytes);
  const { applied, ofImage, manifest, statement } = install(node, decision);
  const { rootPath } = node;
  const { settle } = await takeEffect({
    ...{ rootPath, manifest, statement },
    byAdministrator: !decision.frame.self,
  });
  const activation = await settle();
  const images = revokeImages(node, manifest.metadata.generation, decision.frame);
  const effect = { applied, ofImage, activation, ready: NOT_ASKED, images };
  tellInstalled(console, { decision }, effect);
  throwFailures(effect);
}
