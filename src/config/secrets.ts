/** For each secret that has one, the command that prints its value. */
export type SecretSources = Readonly<
  Record<string, { readonly command?: readonly string[]; readonly timeout?: number }>
>;
