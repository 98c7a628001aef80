// What only a sandbox has: patches and time as raw JSON, and acting for others with near-api-js.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { call, contract, result, start } from './daemon.mjs';

let daemon;
before(async () => {
  daemon = await start();
});
after(() => daemon?.stop());

const rpc = (method, params) => result(daemon.rpc, method, params);
const patch = (...records) => rpc('sandbox_patch_state', { records });
const query = (params) => rpc('query', { finality: 'final', ...params });

const bare = (amount, code_hash = '11111111111111111111111111111111') => ({
  amount, locked: '0', code_hash, storage_usage: 182,
});
const key = 'ed25519:DcA2MzgpJbrUATQLLceocVckhhAqrkingax4oJ9kZ847';

test('a patched account is seen as soon as the call returns', async () => {
  assert.deepEqual(await patch({ Account: { account_id: 'new', account: bare('5000') } }), {});
  const account = await query({ request_type: 'view_account', account_id: 'new' });
  assert.equal(account.amount, '5000');
  assert.equal(account.storage_usage, 182);
});

test('a patched key is seen', async () => {
  await patch({ AccessKey: { account_id: 'new', public_key: key, access_key: { nonce: 7, permission: 'FullAccess' } } });
  const { keys } = await query({ request_type: 'view_access_key_list', account_id: 'new' });
  assert.deepEqual(keys, [{ public_key: key, access_key: { nonce: 7, permission: 'FullAccess' } }]);
});

test('a patched contract with data runs', async () => {
  const code = await contract('tiny');
  const { createHash } = await import('node:crypto');
  const { baseEncode } = await import('near-api-js');
  const hash = baseEncode(createHash('sha256').update(code).digest());
  await patch(
    { Account: { account_id: 'tiny', account: bare('10000000000000000000000000', hash) } },
    { Contract: { account_id: 'tiny', code: code.toString('base64') } },
    {
      Data: {
        account_id: 'tiny',
        data_key: Buffer.from('count').toString('base64'),
        value: Buffer.from([9, 1, 0, 0, 0, 0, 0, 0]).toString('base64'),
      },
    },
  );
  const answer = await query({ request_type: 'call_function', account_id: 'tiny', method_name: 'get', args_base64: '' });
  assert.deepEqual(answer.result, [9, 1, 0, 0, 0, 0, 0, 0]);
  const { code_base64, hash: told } = await query({ request_type: 'view_code', account_id: 'tiny' });
  assert.equal(code_base64, code.toString('base64'));
  assert.equal(told, hash);
});

test('what view_account answers can be patched back, and twice', async () => {
  const account = await query({ request_type: 'view_account', account_id: 'new' });
  const record = { Account: { account_id: 'copy', account } };
  await patch(record);
  await patch(record);
  assert.equal((await query({ request_type: 'view_account', account_id: 'copy' })).amount, account.amount);
});

test('a bad record changes nothing of the others beside it', async () => {
  const records = [
    { Account: { account_id: 'half', account: bare('1') } },
    { Account: { account_id: 'NOT AN ACCOUNT', account: bare('1') } },
  ];
  const { status, error } = await call(daemon.rpc, 'sandbox_patch_state', { records });
  assert.equal(status, 400);
  assert.equal(error.cause.name, 'PARSE_ERROR');
  const orphan = [
    { Account: { account_id: 'half', account: bare('1') } },
    { Contract: { account_id: 'nobody', code: 'AGFzbQEAAAA=' } },
  ];
  assert.notEqual((await call(daemon.rpc, 'sandbox_patch_state', { records: orphan })).error, undefined);
  const { error: missing } = await call(daemon.rpc, 'query', {
    request_type: 'view_account', account_id: 'half', finality: 'final',
  });
  assert.equal(missing.cause.name, 'UNKNOWN_ACCOUNT');
});

test('time and heights pass, and the chain works after them', async () => {
  const before = await rpc('block', { finality: 'final' });
  for (const delta of [1, 10, 100_000]) {
    const start = await rpc('block', { finality: 'final' });
    assert.deepEqual(await rpc('sandbox_fast_forward', { delta_height: delta }), {});
    const end = await rpc('block', { finality: 'final' });
    assert(end.header.height >= start.header.height + delta, `${start.header.height} + ${delta} = ${end.header.height}`);
    assert(BigInt(end.header.timestamp_nanosec) > BigInt(start.header.timestamp_nanosec));
  }
  const later = await rpc('block', { finality: 'final' });
  assert.notEqual(later.header.epoch_id, before.header.epoch_id);
  const { Account, KeyPair } = await import('near-api-js');
  const [{ account_id, secret_key }] = daemon.accounts;
  await new Account(account_id, daemon.rpc, secret_key).createSubAccount({
    accountOrPrefix: 'later', publicKey: KeyPair.fromRandom('ed25519').getPublicKey(), nearToTransfer: 5n * 10n ** 24n,
  });
  assert.equal((await query({ request_type: 'view_account', account_id: `later.${account_id}` })).amount, '5000000000000000000000000');
});

test('a delta that is none', async () => {
  for (const delta_height of [-1, 1.5, 'ten', null]) {
    const { status, error } = await call(daemon.rpc, 'sandbox_fast_forward', { delta_height });
    assert.equal(status, 400);
    assert.equal(error.cause.name, 'PARSE_ERROR');
  }
});

test('near-api-js acts for an account of which it has no key, until that ends', async () => {
  const { Account, KeyPair, KeyPairSigner } = await import('near-api-js');
  const [owner, friend] = daemon.accounts.map(({ account_id }) => account_id);
  const amount = async (account_id) => BigInt((await query({ request_type: 'view_account', account_id })).amount);
  const before = await amount(friend);
  const stranger = new Account(owner, daemon.rpc, new KeyPairSigner(KeyPair.fromRandom('ed25519')));
  const send = () => stranger.transfer({ receiverId: friend, amount: 7n });
  await rpc('sandbox_impersonate', { account_id: owner });
  await send();
  assert.equal(await amount(friend), before + 7n);
  await rpc('sandbox_stop_impersonating', { account_id: owner });
  await assert.rejects(send);
  assert.equal(await amount(friend), before + 7n);
});

test('a snapshot brings back what a client did, and its nonces', async () => {
  const { Account } = await import('near-api-js');
  const [{ account_id, secret_key }, { account_id: friend }] = daemon.accounts;
  const signer = new Account(account_id, daemon.rpc, secret_key);
  const amount = async () => (await query({ request_type: 'view_account', account_id: friend })).amount;
  const before = await amount();
  const snapshot = await rpc('sandbox_snapshot', {});
  for (let turn = 0; turn < 3; turn += 1) {
    await signer.transfer({ receiverId: friend, amount: 5n });
    assert.equal(BigInt(await amount()), BigInt(before) + 5n);
    await rpc('sandbox_revert', { ...snapshot, keep: true });
    assert.equal(await amount(), before);
  }
});
