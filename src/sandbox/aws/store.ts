import type { z } from 'zod';

/**
 * What the region knows, kept in labels of Docker volumes: a document under an ID, by kind (`security-group`). An endpoint
 * that is started again knows what the one before it knew.
 */
export interface Store {
  /** The documents of a kind, by ID; oldest first. */
  all<T>(kind: Kind<T>): readonly T[];
  get<T>(kind: Kind<T>, id: string): T | undefined;
  /** Resolves when it would survive the end of this process. */
  put<T>(kind: Kind<T>, id: string, document: T): Promise<void>;
  remove<T>(kind: Kind<T>, id: string): Promise<void>;
}

/** A kind of document: what it is called, and what it must look like when it is read. */
export interface Kind<T> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
}
