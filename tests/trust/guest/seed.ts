import { readFileSync } from 'node:fs';
import { readAuthorities } from '../../../agent/identity/authority.ts';
import { readTpmSeed } from '../../../agent/identity/keys/tpm-seed.ts';
import { toHex } from '../../../bundle/bytes.ts';
import { parseCa } from '../../../net/certificates.ts';
import { parseSite } from '../../../protocol/site.ts';
import { say } from './orders.ts';

/** Gives the machine's seed away, where a signed image has it: the key is somebody else's as well from then on. */
const site = parseSite(readFileSync('/etc/coatcheck/site.json', 'utf8'), parseCa);
const [authority] = readAuthorities(site, '/');
say(toHex(readTpmSeed(authority)));
