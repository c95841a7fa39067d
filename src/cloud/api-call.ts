/** A finished call to a cloud API. */
export interface ApiCall {
  /** The IAM action, such as `elasticloadbalancing:RegisterTargets`. */
  readonly action: string;
  /** The ARN of the target group, if the call has one. */
  readonly group?: string;
  /** Number of attempts, including throttled and lost ones. */
  readonly attempts: number;
}
