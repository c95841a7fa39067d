/** Parses JSON, or returns undefined if it is invalid. Validate the result with a schema. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
