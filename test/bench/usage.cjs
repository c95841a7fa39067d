// Loaded into a measured process: what it has used is written to descriptor 3 when it ends.
const { readFileSync, writeSync } = require('node:fs');

process.on('exit', () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  // Not `maxRSS`: it begins with what the parent had when it forked.
  const peak = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  writeSync(3, JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1000, memory: Number(peak[1]) / 1024 }));
});
