import { createHash, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type {
  CreateKeyPairRequest,
  DeleteKeyPairRequest,
  DeleteKeyPairResult,
  DescribeKeyPairsRequest,
  DescribeKeyPairsResult,
  ImportKeyPairRequest,
  ImportKeyPairResult,
  KeyPair as KeyPairAnswer,
} from '@aws-sdk/client-ec2';
import ssh from 'ssh2';
import { generateKey } from '../../state.js';
import { type Action, AwsError, type Region } from '../action.js';
import { type KeyPair, keyPairs } from './documents.js';
import { fixedId, newId } from './ids.js';
import { applyFilters, notFound, selectByIds, type Tags } from './query.js';
import { addTags, removeTags, tagsFor, tagsOf } from './tags.js';

/** Name of the sandbox's key pair; its private key is in the state folder. */
export const sandboxKeyName = 'sandbox';

/** @throws AwsError `InvalidKeyPair.NotFound` */
export function findKeyPair(region: Region, name: string): KeyPair {
  const found = region.store.all(keyPairs).find((it) => it.name === name);
  if (found === undefined)
    throw new AwsError('InvalidKeyPair.NotFound', `The key pair '${name}' does not exist`);
  return found;
}

/** Stores the sandbox's key as a key pair; updates it if `up` has generated a new one. */
export async function ensureSandboxKey(region: Region, publicKey: string): Promise<void> {
  const id = fixedId(region, 'key', sandboxKeyName);
  if (region.store.get(keyPairs, id)?.publicKey === publicKey) return;
  await region.store.put(keyPairs, id, { id, ...parsePublicKey(region, sandboxKeyName, publicKey) });
}

/** Returns the private key once, as PEM, without storing it. */
export const createKeyPair: Action<CreateKeyPairRequest, KeyPairAnswer> = async (input, region) => {
  const tags = tagsFor(input.TagSpecifications, 'key-pair');
  if (input.KeyFormat === 'ppk')
    throw new AwsError('UnsupportedOperation', 'The sandbox supports key format pem only');
  const pair = input.KeyType === 'ed25519' ? await generateKey('') : await generateRsaKey();
  const added = await addKeyPair(region, input.KeyName, pair.public, tags);
  return { ...added, KeyMaterial: pair.private };
};

async function generateRsaKey(): Promise<{ readonly private: string; readonly public: string }> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const parsed = ssh.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed;
  return { private: privateKey, public: `ssh-rsa ${parsed.getPublicSSH().toString('base64')}` };
}

export const importKeyPair: Action<ImportKeyPairRequest, ImportKeyPairResult> = async (input, region) => {
  const tags = tagsFor(input.TagSpecifications, 'key-pair');
  return addKeyPair(
    region,
    input.KeyName,
    Buffer.from(input.PublicKeyMaterial ?? '')
      .toString()
      .trim(),
    tags,
  );
};

async function addKeyPair(region: Region, name: string | undefined, publicKey: string, tags: Tags) {
  if (name === undefined || !/^[\x20-\x7e]{1,255}$/.test(name))
    throw new AwsError('InvalidParameterValue', 'A key name must have 1 to 255 ASCII characters');
  const pair = { id: newId('key'), ...parsePublicKey(region, name, publicKey) };
  if (region.store.all(keyPairs).some((other) => other.name === name))
    throw new AwsError('InvalidKeyPair.Duplicate', `The keypair already exists: ${name}`);
  await Promise.all([region.store.put(keyPairs, pair.id, pair), addTags(region, pair.id, tags)]);
  return { KeyPairId: pair.id, KeyName: name, KeyFingerprint: pair.fingerprint, Tags: [...tags] };
}

/** Fingerprints as in EC2: SHA-256 in base64 for ed25519, MD5 of the DER for RSA. */
function parsePublicKey(region: Region, name: string, publicKey: string): Omit<KeyPair, 'id'> {
  const parsed = ssh.utils.parseKey(publicKey);
  const type = parsed instanceof Error ? '' : parsed.type.replace('ssh-', '');
  // A line break would inject another authorized_keys line.
  if (parsed instanceof Error || !(type === 'rsa' || type === 'ed25519') || /[\r\n]/.test(publicKey))
    throw new AwsError('InvalidKey.Format', 'Key is not in valid OpenSSH public key format');
  const pem = parsed.getPublicPEM().replace(/-----[^-]+-----|\s/g, '');
  const md5 = createHash('md5').update(Buffer.from(pem, 'base64')).digest('hex');
  const fingerprint =
    type === 'rsa'
      ? (md5.match(/../g) ?? []).join(':')
      : createHash('sha256').update(parsed.getPublicSSH()).digest('base64');
  return { name, type, fingerprint, publicKey, created: region.context.clock.now().toISOString() };
}

export const describeKeyPairs: Action<DescribeKeyPairsRequest, DescribeKeyPairsResult> = async (
  input,
  region,
) => {
  const missing = notFound('InvalidKeyPair.NotFound', 'key pair');
  const named = selectByIds(region.store.all(keyPairs), input.KeyNames, ({ name }) => name, missing);
  const matching = applyFilters(
    selectByIds(named, input.KeyPairIds, ({ id }) => id, missing),
    input.Filters,
    {
      'key-pair-id': ({ id }) => [id],
      'key-name': ({ name }) => [name],
      fingerprint: ({ fingerprint }) => [fingerprint],
    },
    ({ id }) => tagsOf(region, id),
  );
  return {
    KeyPairs: matching.map((it) => ({
      KeyPairId: it.id,
      KeyName: it.name,
      KeyType: it.type,
      KeyFingerprint: it.fingerprint,
      PublicKey: input.IncludePublicKey ? it.publicKey : undefined,
      CreateTime: new Date(it.created),
      Tags: [...tagsOf(region, it.id)],
    })),
  };
};

/** Succeeds for a missing key pair, as EC2 does. */
export const deleteKeyPair: Action<DeleteKeyPairRequest, DeleteKeyPairResult> = async (input, region) => {
  if (input.KeyName === undefined && input.KeyPairId === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter KeyName or KeyPairId');
  const found = region.store
    .all(keyPairs)
    .find(
      ({ id, name }) => id === input.KeyPairId || (input.KeyPairId === undefined && name === input.KeyName),
    );
  if (found === undefined) return { Return: true };
  await Promise.all([region.store.remove(keyPairs, found.id), removeTags(region, found.id)]);
  return { Return: true, KeyPairId: found.id };
};
