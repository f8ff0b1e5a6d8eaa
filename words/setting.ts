import { bundlePath } from '../admin/alter.ts';
import { showSetting, withSettings } from '../bundle/settings.ts';
import { fail, hasCode } from '../protocol/errors.ts';

/** What may be set, for who is asked. */
export const KNOWN_SETTINGS =
  'hostname, timezone, swap, enable, disable, mask, alias, wants, restart:PATH, answer:NAME, or unit:NAME, alias:NAME and wants:LINK as a review names them';

/**
 * What a text says about settings, by the names of `settingsOf`; an empty value takes one out.
 * `timezone=UTC` says what one is; `enable=a.service,b.service` what each of those units is to be, instead
 * of whatever it was.
 * @throws usage for what is no setting, or cannot have this value
 */
export function parseSetting(text: string): ReadonlyMap<string, string> {
  const at = text.indexOf('=');
  if (at < 1)
    throw fail('usage', `${text} is no setting: NAME=VALUE, and NAME is one of ${KNOWN_SETTINGS}`);
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  const changes = new Map(settingsIn(name, value));
  const checked = new Map([...changes].filter(([, one]) => one !== ''));
  try {
    withSettings(checked, {});
  } catch (cause) {
    if (!hasCode(cause, 'bad_metadata', 'bad_path')) throw cause;
    throw fail('usage', `${showSetting(name)} cannot be ${JSON.stringify(value)}`, { cause });
  }
  return changes;
}

function settingsIn(name: string, value: string): [name: string, value: string][] {
  const words = value.split(/[ ,]+/).filter((word) => word !== '');
  switch (name.replace(/:.*$/s, ':')) {
    case 'generation':
      throw fail(
        'usage',
        'nothing takes a revoked image back: coatcheck image revoke --below N does it, and asks for the number of machines',
      );
    case 'hostname':
    case 'timezone':
    case 'swap':
    case 'answer:':
      return [[name, value]];
    case 'enable':
    case 'disable':
    case 'mask':
      if (words.length === 0) {
        throw fail('usage', `${name}= names no unit; unit:NAME= leaves one to the image`);
      }
      return words.map((unit) => [`unit:${unit}`, name]);
    case 'alias': {
      const [, alias, unit] = /^([^=]+)=(.+)$/.exec(value) ?? [];
      if (alias === undefined || unit === undefined) {
        throw fail(
          'usage',
          'an alias is alias=NAME=UNIT, as alias=dbus.service=dbus-broker.service',
        );
      }
      return [[`alias:${alias}`, unit]];
    }
    case 'wants':
      if (words.length === 0)
        throw fail('usage', 'wants= names no link; wants:LINK= takes one out');
      return words.map((link) => [`wants:${link}`, 'link']);
    case 'restart:':
      return [[`restart:${bundlePath(name.slice(8))}`, [...new Set(words)].sort().join(' ')]];
    case 'unit:':
      return [
        [name, ['enable', 'disable', 'mask'].filter((list) => words.includes(list)).join(' ')],
      ].map(([unit, lists]) => {
        if (words.some((word) => !['enable', 'disable', 'mask'].includes(word))) {
          throw fail('usage', `${unit} is enable, disable or mask, not ${JSON.stringify(value)}`);
        }
        return [unit!, lists!];
      });
    case 'alias:':
    case 'wants:':
      return [[name, value]];
    default:
      throw fail('usage', `${showSetting(name)} is no setting: NAME is one of ${KNOWN_SETTINGS}`);
  }
}
