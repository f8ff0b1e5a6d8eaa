import type { Program } from '../usage/table.ts';
import type { Invocation } from './boot/invocation.ts';
import { applyCommand } from './commands/apply.ts';
import { baselineCommand, baselineMakeCommand } from './commands/baseline.ts';
import { bootCommand } from './commands/boot.ts';
import { captureCommand } from './commands/capture.ts';
import { idCommand } from './commands/id.ts';
import { COMMON_OPTIONS } from './commands/common-options.ts';
import { keyMakeCredentialCommand } from './commands/key-make-credential.ts';
import { keyMakeFileCommand } from './commands/key-make-file.ts';
import { keyMakeImageCommand } from './commands/key-make-image.ts';
import { keyMakeUsbCommand } from './commands/key-make-usb.ts';
import { networkCommand } from './commands/network.ts';
import { proposeCommand } from './commands/propose.ts';
import { refreshCommand } from './commands/refresh.ts';
import { startCommand } from './commands/start.ts';
import { statusCommand } from './commands/status.ts';
import { VERSION } from './boot/version.ts';

/** The whole command line: docs/config.md lists it. */
export const PROGRAM: Program<Invocation, typeof COMMON_OPTIONS> = {
  name: 'coatcheck-agent',
  about: "A machine's side of coatcheck: its key, its configuration, its boot",
  version: VERSION,
  options: COMMON_OPTIONS,
  commands: [
    idCommand,
    keyMakeFileCommand,
    keyMakeUsbCommand,
    keyMakeImageCommand,
    keyMakeCredentialCommand,
    captureCommand,
    baselineCommand,
    baselineMakeCommand,
    proposeCommand,
    bootCommand,
    startCommand,
    refreshCommand,
    applyCommand,
    networkCommand,
    statusCommand,
  ],
};
