/** An expected failure: `code` is stable and dotted, `message` and `hint` are for people. */
export class SandboxFailure extends Error {
  readonly code: string;
  /** 1 failed, 2 wrong arguments, 4 no permission, 5 Docker does not respond, 130 interrupted. */
  readonly exitCode: number;
  readonly hint?: string;

  constructor(
    code: string,
    message: string,
    details: { readonly hint?: string; readonly exitCode?: number; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'SandboxFailure';
    this.code = code;
    this.exitCode = details.exitCode ?? 1;
    if (details.hint !== undefined) this.hint = details.hint;
  }
}
