import { Failure } from '../../../domain/failure.js';
import { given } from '../../../domain/given.js';
import type { SshTarget } from '../config.js';
import { authFailure, TransientError, tooManyKeys, unreachable } from '../dial-failures.js';
import { keyChanged, keyUnknown, knownHostsText } from '../key-failures.js';

const debugLine = /^debug\d: /;
const evidenceLines = 5;

/** Converts the log of an `ssh` that exited before it was connected. */
export function masterFailure(target: SshTarget, log: readonly string[], code: number | undefined): Error {
  const { name, user } = target;
  const lines = log.filter((line) => !debugLine.test(line));
  const text = lines.join('\n');
  const evidence = lines.slice(-evidenceLines);
  const last = lines.at(-1) ?? `it exited with code ${code}`;
  const tried = triedKeys(log);
  if (code === 127)
    return new Failure('access', 'ssh.missing', `cannot run ssh: ${last}`, {
      host: name,
      hint: 'install the OpenSSH client: apt-get install openssh-client',
    });
  if (/too many authentication failures/i.test(text)) return tooManyKeys(target, tried.length);
  if (/Permission denied \(/.test(text)) return withEvidence(authFailure(target, tried), evidence, tried);
  if (/REVOKED HOST KEY|is revoked/i.test(text))
    return new Failure('access', 'host.key-revoked', `the host key of ${name} is revoked`, {
      ...{ host: name, evidence, hint: 'do not connect until the host has a new key' },
    });
  if (/HOST IDENTIFICATION HAS CHANGED/.test(text))
    return keyChanged(target, changedMessage(name, text), {
      ...given({ at: offendingPlace(text) }),
      evidence: lines.filter((line) => /^(?:The fingerprint|SHA256:|Offending)/.test(line)),
    });
  if (/Host key verification failed|host key is known for/i.test(text)) return unknownKey(target, log, lines);
  if (/bad configuration option|bad owner or permissions|bad configuration options/i.test(text))
    return new Failure('usage', 'ssh.config', `ssh cannot read its configuration: ${last}`, { host: name });
  const failure = unreachable(target, last.replace(/^ssh: /, ''), { evidence });
  const isFinal = /could not resolve|connection refused|timed out|no route|unreachable/i.test(text);
  if (isFinal && !/temporary failure/i.test(text)) return failure;
  return new TransientError(`${user}@${name}: ${last}`, failure);
}

function changedMessage(name: string, text: string): string {
  const presented = /(SHA256:\S+?)\.?$/m.exec(text)?.[1];
  const place = offendingPlace(text);
  return `the host key of ${name} changed${presented === undefined ? '' : ` to ${presented}`}${
    place === undefined ? '' : `; ${place.file}:${place.line} has another`
  }`;
}

/** The line of a known_hosts file that `ssh` names. */
function offendingPlace(text: string): { readonly file: string; readonly line: number } | undefined {
  const [, file, line] = /Offending .*key in (.*):(\d+)/.exec(text) ?? [];
  return file === undefined ? undefined : { file, line: Number(line) };
}

/** The keys that were offered, as `ssh` names them. */
function triedKeys(log: readonly string[]): readonly string[] {
  return log.flatMap((line) => /Offering public key: (.*)$/.exec(line)?.[1] ?? []);
}

function withEvidence(failure: Failure, evidence: readonly string[], tried: readonly string[]): Failure {
  const { kind, code, message, host, hint } = failure;
  const hasCertificate = tried.some((key) => /-CERT\b/.test(key));
  return new Failure(kind, code, message, {
    ...given({ host }),
    evidence,
    ...given({
      hint: hasCertificate
        ? 'check the principals and the validity of the certificate: ssh-keygen -L -f FILE-cert.pub'
        : hint,
    }),
  });
}

function unknownKey(target: SshTarget, log: readonly string[], lines: readonly string[]): Failure {
  const certificate = log.flatMap((line) => /Server host certificate: (.*)$/.exec(line)?.[1] ?? [])[0];
  const key = log.flatMap((line) => /Server host key: (.*)$/.exec(line)?.[1] ?? [])[0];
  const { name } = target;
  const evidence = lines.slice(-evidenceLines);
  if (certificate !== undefined)
    return new Failure('access', 'host.key-unknown', `the host certificate of ${name} is not trusted`, {
      ...{ host: name, evidence: [certificate, ...evidence].slice(0, evidenceLines) },
      hint: `check its principals and validity, and the \`@cert-authority\` line in ${knownHostsText(target)}`,
    });
  const message = `the host key of ${name} is unknown${key === undefined ? '' : `: ${key}`}`;
  return keyUnknown(target, message, { evidence });
}
