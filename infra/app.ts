import { codeOf, ERRORS } from '../protocol/errors.ts';
import { siteApp } from './site-app.ts';

// What `cdk` runs (cdk.json).
try {
  siteApp().app.synth();
} catch (error) {
  const code = codeOf(error);
  if (code === 'internal' || !(error instanceof Error)) throw error;
  console.error(`coatcheck: ${error.message} [${code}]`);
  process.exitCode = ERRORS[code].exit;
}
