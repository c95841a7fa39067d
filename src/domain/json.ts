/** What the JSON says; undefined where it is none. Nothing of it is believed before a schema has seen it. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
