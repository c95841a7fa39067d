/** How much of the processor this process has used, ms: what a machine does beside it does not count. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
