const Sequencer = require('@jest/test-sequencer').default;

/** Begin first, for they last longest: jest knows that only of what it has run before, which a clean clone has not. */
const long = [
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
    const place = ({ path }) => {
      const index = long.findIndex((name) => path.includes(name));
      return index === -1 ? long.length : index;
    };
    return super.sort(tests).sort((one, other) => place(one) - place(other));
  }
};
