/** A text as a name of a project or a service: lower-case letters, digits and dashes; undefined when nothing is left. */
export function nameFrom(text: string): string | undefined {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return name === '' ? undefined : name;
}

const secretWords =
  /^(SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|PASS|PWD|TOKENS?|KEY|DSN|SALT|PEPPER|CREDENTIALS?)\d*$/;
const secretNames =
  /^(?:.*_)?(?:SECRET_KEY_BASE|ACCESS_KEY_ID|DATABASE_URL|DATABASE_URI|MONGO(?:DB)?_UR[IL]|CONNECTION_STRING)$/;
const plainWords = /(?:^|_)(?:PUBLIC|PUBLISHABLE|SITE)_KEY$|^NEXT_PUBLIC_|^VITE_|^REACT_APP_/;
/** Switches, such as MYSQL_ALLOW_EMPTY_PASSWORD=yes. */
const switches = /^(?:true|false|yes|no|on|off)$/i;

/** Whether a variable is probably one that nobody should read: by its name, or by a password in the address that it has. */
export function looksSecret(name: string, value = ''): boolean {
  if (switches.test(value)) return false;
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/\s@]*:[^/\s@]+@/i.test(value)) return true;
  const upper = name.toUpperCase();
  if (plainWords.test(upper)) return false;
  return secretNames.test(upper) || secretWords.test(upper.split('_').at(-1) ?? '');
}

/** A text that {@link interpolate} leaves as it is. */
export const literal = (text: string): string => (/\$[${]/.test(text) ? text.replaceAll('$', '$$$$') : text);
