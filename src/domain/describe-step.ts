/** The shipped tasks in words; `%` stands for the service. */
const phrases: Readonly<Record<string, string>> = {
  'container.create': 'create %',
  'container.halt': 'stop %',
  'container.restart': 'restart %',
  'container.retire': 'stop % on other hosts',
  'container.start': 'start %',
  'container.stop': 'stop %',
  'container.wake': 'start %',
  'environment.prune': 'remove what is no longer configured',
  'health.confirm': 'check that % is still healthy',
  'health.wait': 'wait for % to become healthy',
  'image.pull': 'pull the image of %',
  'image.resolve': 'resolve the image of %',
  'instance.quarantine': 'quarantine %',
  'instance.readmit': 'readmit %',
  'network.hold': 'keep the network up',
  'release.command': 'run the release command of %',
  'release.commit': 'commit the release of %',
  'release.prune': 'remove old releases of %',
  'release.recall': 'choose the release of %',
  'rollout.resolve': 'choose the release of %',
  'shell.local': 'run a local command',
  'shell.remote': 'run a remote command',
  'target-group.tune': 'tune the target group of %',
  'target.confirm': 'send a test request to %',
  'target.deregister': 'deregister %',
  'target.register': 'register %',
  'target.settle': 'stop old containers of %',
};

/** Tasks whose step IDs name a host without a service. */
const hostTasks = ['network.hold', 'shell.remote'];

const doubled = /^(stop|run|commit|readmit)$/;

/** The step under way, from its ID: `stopping worker on server-1`. Empty for an empty ID. */
export function describeStep(id: string): string {
  if (id === '') return '';
  const { task, service, host, isUndo } = parseStep(id);
  const phrase = phrases[task];
  const place = host === undefined ? '' : ` on ${host}`;
  if (phrase === undefined) {
    const subject = service === undefined ? task : `${task} for ${service}`;
    return `${isUndo ? 'undoing: ' : 'at '}${subject}${place}`;
  }
  const text = phrase.replace('%', service ?? 'a service') + place;
  return isUndo ? `undoing: ${text}` : text.replace(/^\w+/, participle);
}

/** The service in the ID of a step, if it names one. */
export function serviceOfStep(id: string): string | undefined {
  return id === '' ? undefined : parseStep(id).service;
}

function parseStep(id: string) {
  const [task = '', ...places] = id
    .replace(/^undo /, '')
    .replace(/#\d+$/, '')
    .split('/');
  const isUndo = id.startsWith('undo ');
  // Step IDs of other forms come from other versions.
  if (!/^[\w-]+\.[\w-]+$/.test(task) || places.length > 2)
    return { task: [task, ...places].join('/'), isUndo };
  const [service, host] = places.length === 1 && hostTasks.includes(task) ? [undefined, ...places] : places;
  return { task, service, host, isUndo };
}

const participle = (verb: string): string =>
  doubled.test(verb) ? `${verb}${verb.slice(-1)}ing` : `${verb.replace(/e$/, '')}ing`;
