// A project that tests with near-workspaces: it starts the binary itself, as near-sandbox.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { contract } from './daemon.mjs';
import { workspaces } from './workspaces.mjs';

let worker;
let root;
let status;
let removed;
let NEAR;
before(async () => {
  const { Worker, amount, remove } = await workspaces();
  NEAR = amount;
  removed = remove;
  worker = await Worker.init({ network: 'sandbox', rm: true });
  root = worker.rootAccount;
  status = await root.devDeploy(await contract('status'));
});
after(async () => {
  await worker?.tearDown();
  await removed?.();
});

test('deploys, calls and views', async () => {
  const alice = await root.createSubAccount('alice', { initialBalance: NEAR('30') });
  await alice.call(status, 'set_status', { message: 'hello' });
  assert.equal(await status.view('get_status', { account_id: alice.accountId }), 'hello');
  assert.equal(await status.view('get_status', { account_id: root.accountId }), null);
  assert.equal((await alice.balance()).total > 0n, true);
});

test('calls across contracts', async () => {
  const other = await root.devDeploy(await contract('status'));
  const outcome = await root.callRaw(status, 'call_other', { account_id: other.accountId }, { gas: 100n * 10n ** 12n });
  assert.equal(outcome.parseResult(), `${other.accountId} counted 1, together 1`);
  assert(outcome.logsContain('EVENT_JSON:'));
});

test('sees a failure', async () => {
  const outcome = await root.callRaw(status, 'fail', { message: 'as asked' });
  assert(outcome.failed);
  assert(outcome.receiptFailureMessagesContain('Smart contract panicked: as asked'));
});

test('patches the state', async () => {
  const bob = await root.createSubAccount('bob');
  await bob.updateAccount({ amount: NEAR('77').toString() });
  assert.equal((await bob.accountView()).amount, NEAR('77').toString());
  const code = await contract('tiny');
  await bob.deploy(code);
  await bob.updateContract(code);
  await bob.updateData(Buffer.from('count'), Buffer.from([41, 0, 0, 0, 0, 0, 0, 0]));
  const outcome = await root.callRaw(bob, 'increment', new Uint8Array());
  assert.deepEqual(Buffer.from(outcome.SuccessValue, 'base64'), Buffer.from([42, 0, 0, 0, 0, 0, 0, 0]));
});

test('goes forward', async () => {
  const before = await status.view('surroundings');
  await worker.provider.fastForward(1000);
  const later = await status.view('surroundings');
  assert(BigInt(later.block_height) >= BigInt(before.block_height) + 1000n);
  assert(BigInt(later.block_timestamp) > BigInt(before.block_timestamp));
});

test('batches, keys and an account that goes', async () => {
  const carol = await root.createSubAccount('carol', { initialBalance: NEAR('30') });
  const made = `made.${carol.accountId}`;
  const key = await carol.getKey();
  const outcome = await carol.batch(made)
    .createAccount().transfer(NEAR('10')).addKey(key.getPublicKey()).deployContract(await contract('tiny'))
    .transact();
  assert(outcome.succeeded);
  const account = carol.getAccount(made);
  await account.setKey(key);
  assert.equal((await account.viewCode()).equals(await contract('tiny')), true);
  assert.equal((await account.viewAccessKeys(made)).keys.length, 1);
  await account.delete(root.accountId);
  assert.equal(await account.exists(), false);
});

test('goes forward across epochs', async () => {
  const { epoch_height: before } = await status.view('surroundings');
  await worker.provider.fastForward(1200);
  const { epoch_height: later } = await status.view('surroundings');
  assert.equal(BigInt(later) - BigInt(before) >= 2n, true);
});
