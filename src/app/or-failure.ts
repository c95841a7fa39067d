import { Failure } from '../domain/failure.js';

/** Resolves to the result of the work, or to the Failure that it throws. */
export async function orFailure<T>(work: Promise<T>): Promise<T | Failure> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}
