/** Cleans a message of AWS for display: one line, at most 500 characters, without encoded parts or control characters. */
export function cleanMessage(message: string): string {
  return message
    .replace(/Encoded authorization failure message: \S+/g, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 500);
}
