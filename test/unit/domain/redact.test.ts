import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Redaction, redactor } from '../../../src/domain/redact.js';

const secretText = fc.oneof(
  fc.string({ minLength: 6, maxLength: 40 }),
  fc.string({ minLength: 6, maxLength: 20, unit: 'binary' }),
);
const of = (...values: string[]) => redactor(new Map(values.map((value, index) => [`S${index}`, value])));

describe('a redactor', () => {
  it('masks a value as it is, in JSON, in nested JSON and in a URL', () => {
    const value = 'pa"ss/wö rd\\\n+&x';
    const { redact } = of(value);
    const json = JSON.stringify({ value });
    const texts = [
      `before ${value} after`,
      json,
      JSON.stringify({ json }),
      encodeURIComponent(value),
      encodeURIComponent(value).toLowerCase(),
      new URLSearchParams({ value }).toString(),
    ];
    for (const text of texts) {
      expect(redact(text)).toContain('***');
      expect(redact(text)).not.toContain('ss');
    }
  });

  it('masks a value in base64 at any offset', () => {
    fc.assert(
      fc.property(
        secretText,
        fc.uint8Array({ maxLength: 5 }),
        fc.uint8Array({ maxLength: 5 }),
        (value, before, after) => {
          const encoded = Buffer.concat([before, Buffer.from(value), after]).toString('base64');
          expect(of(value).redact(encoded)).toContain('***');
        },
      ),
    );
  });

  it('masks each line of a key', () => {
    const key = '-----BEGIN KEY-----\nMIIabcdefgh\nMIIijklmnop\n-----END KEY-----\n';
    expect(of(key).redact('[web-1] MIIijklmnop')).toBe('[web-1] ***');
  });

  it('reports values of fewer than six characters and does not mask them', () => {
    const { redact, unprotected } = redactor(
      new Map([
        ['PIN', '12345'],
        ['TOKEN', '123456'],
      ]),
    );
    expect(redact('12345 123456')).toBe('12345 ***');
    expect(unprotected).toEqual(['PIN']);
  });

  it('masks the password of a URL alone, but no short ones and none that is the user', () => {
    const { redact } = of('postgres://shop:corr%26ect-horse@db/shop');
    expect(redact('PGPASSWORD=corr%26ect-horse or corr&ect-horse')).toBe('PGPASSWORD=*** or ***');
    expect(of('postgres://postgres:postgres@db/shop').redact('image postgres:16')).toBe('image postgres:16');
    expect(of('redis://:secret@cache').redact('the secret')).toBe('the secret');
  });

  it('can be applied twice', () => {
    const { redact } = of('secret');
    expect(redact(redact('the secret'))).toBe('the ***');
  });
});

describe('the redaction of a process', () => {
  it('masks every value of a secret that it has seen', () => {
    const redaction = new Redaction();
    expect([redaction.add('old-value'), redaction.add('new-value'), redaction.add('short')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(redaction.redact('old-value, new-value, short')).toBe('***, ***, short');
  });
});

describe('a redacting stream', () => {
  it('gives the same result as for the whole text, however it is split', () => {
    const alphabet = fc.string({ minLength: 6, maxLength: 9, unit: fc.constantFrom('a', 'b') });
    const pieces = fc.array(fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b') }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(alphabet, { minLength: 1, maxLength: 3 }), pieces, (values, chunks) => {
        const { redact, stream } = of(...values);
        const open = stream();
        expect(chunks.map((chunk) => open.write(chunk)).join('') + open.end()).toBe(redact(chunks.join('')));
      }),
      { numRuns: 1000 },
    );
  });

  it('holds back only text that may start a secret', () => {
    const open = of('hunter2-hunter2').stream();
    expect(open.write('listening on 3000\nhunt')).toBe('listening on 3000\n');
    expect(open.write('ing\n')).toBe('hunting\n');
  });
});
