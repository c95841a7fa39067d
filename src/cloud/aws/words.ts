/**
 * What AWS says, fit to be shown: one line of readable length without control characters, and without the encoded message that tells
 * only those something who may decode it.
 */
export function cleanMessage(message: string): string {
  return message
    .replace(/Encoded authorization failure message: \S+/g, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 500);
}
