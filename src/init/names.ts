/** Converts a text to a valid project or service name; undefined if nothing is left. */
export function nameFrom(text: string): string | undefined {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return name === '' ? undefined : name;
}

const secretSuffixes =
  /^(SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|PASS|PWD|TOKENS?|KEY|DSN|SALT|PEPPER|CREDENTIALS?)\d*$/;
const secretNames =
  /^(?:.*_)?(?:SECRET_KEY_BASE|ACCESS_KEY_ID|DATABASE_URL|DATABASE_URI|MONGO(?:DB)?_UR[IL]|CONNECTION_STRING)$/;
const publicNames = /(?:^|_)(?:PUBLIC|PUBLISHABLE|SITE)_KEY$|^NEXT_PUBLIC_|^VITE_|^REACT_APP_/;
/** For flags such as MYSQL_ALLOW_EMPTY_PASSWORD=yes. */
const booleans = /^(?:true|false|yes|no|on|off)$/i;

/** Whether a variable is probably secret, by its name or a password in a URL. */
export function looksSecret(name: string, value = ''): boolean {
  if (booleans.test(value)) return false;
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/\s@]*:[^/\s@]+@/i.test(value)) return true;
  const upper = name.toUpperCase();
  if (publicNames.test(upper)) return false;
  return secretNames.test(upper) || secretSuffixes.test(upper.split('_').at(-1) ?? '');
}

/** Escapes a text so that interpolation returns it unchanged. */
export const escapeDollars = (text: string): string =>
  /\$[${]/.test(text) ? text.replaceAll('$', '$$$$') : text;
