import { stripVTControlCharacters } from 'node:util';

// biome-ignore lint/suspicious/noControlCharactersInRegex: matches control characters
const operatingSystemCommand = /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches control characters
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Removes terminal escapes and control characters except tabs and newlines. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text.replace(operatingSystemCommand, '')).replace(control, '');
}
