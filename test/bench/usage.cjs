// Preloaded into a measured process: writes its resource usage to file descriptor 3 at exit.
const { readFileSync, writeSync } = require('node:fs');

process.on('exit', () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  // `maxRSS` starts with the parent's value at the fork.
  const peak = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  writeSync(3, JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1000, memory: Number(peak[1]) / 1024 }));
});
