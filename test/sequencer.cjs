const Sequencer = require('@jest/test-sequencer').default;

// A clean clone has no cached durations, so the slowest files are listed here.
const slowest = [
  'faults/client',
  'integration/balanced',
  'faults/network',
  'integration/deploy-interrupted',
  'integration/sandbox-elb.test',
  'integration/deploy-failure',
  'integration/bootstrap',
  'integration/deploy-concurrent',
  'integration/reach',
];

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const index = slowest.findIndex((name) => path.includes(name));
      return index === -1 ? slowest.length : index;
    };
    return super.sort(tests).sort((one, other) => rank(one) - rank(other));
  }
};
