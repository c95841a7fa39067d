/** A call that was made of a cloud's API. */
export interface ApiCall {
  /** `elasticloadbalancing:RegisterTargets`, as IAM calls it. */
  readonly action: string;
  /** The ARN of the target group that it was about, where it was about one. */
  readonly group?: string;
  /** How often it was sent, with the tries that were throttled or lost. */
  readonly attempts: number;
}
