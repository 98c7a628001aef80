// Another test file of a project with near-workspaces, which runs beside the first: contracts of another network, and
// many nodes at once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Account, KeyPair, KeyPairSigner } from 'near-api-js';

import { contract, start } from './daemon.mjs';
import { workspaces } from './workspaces.mjs';

let worker;
let root;
let Worker;
let NEAR;
let elsewhere;
let removed;
before(async () => {
  // What it imports from testnet comes from another sandbox.
  elsewhere = await start();
  process.env.NEAR_CLI_TESTNET_RPC_SERVER_URL = elsewhere.rpc;
  const library = await workspaces();
  ({ Worker, amount: NEAR, remove: removed } = library);
  worker = await Worker.init({ network: 'sandbox', rm: true });
  root = worker.rootAccount;
});
after(async () => {
  await worker?.tearDown();
  await elsewhere?.stop();
  await removed?.();
});

test('imports a contract with its data', async () => {
  const [{ account_id, secret_key }] = elsewhere.accounts;
  const owner = new Account(account_id, elsewhere.rpc, secret_key);
  const key = KeyPair.fromRandom('ed25519');
  await owner.createSubAccount({
    accountOrPrefix: 'notes', publicKey: key.getPublicKey(), nearToTransfer: NEAR('20'),
  });
  const testnetContract = `notes.${account_id}`;
  await new Account(testnetContract, elsewhere.rpc, new KeyPairSigner(key)).deployContract(await contract('status'));
  await owner.callFunction({ contractId: testnetContract, methodName: 'set_status', args: { message: 'from afar' } });

  const empty = await root.importContract({ testnetContract, initialBalance: NEAR('30').toString() });
  assert.equal((await empty.accountView()).amount, NEAR('30').toString());
  assert.equal(await empty.view('get_status', { account_id }), null);
  const notes = await root.importContract({ testnetContract, withData: true });
  assert.equal(await notes.view('get_status', { account_id }), 'from afar');
  await root.call(notes, 'set_status', { message: 'and back' });
  assert.equal(await notes.view('get_status', { account_id: root.accountId }), 'and back');
  // Its key came with it: it can sign.
  await notes.transfer(root, NEAR('1'));
});

test('several workers at once each have a node of their own', async () => {
  const workers = await Promise.all([1, 2, 3].map(() => Worker.init({ network: 'sandbox', rm: true })));
  try {
    await Promise.all(workers.map(async ({ rootAccount }, index) => {
      await rootAccount.createSubAccount('same', { initialBalance: NEAR(`${index + 5}`) });
    }));
    const balances = await Promise.all(workers.map(async ({ rootAccount }) => {
      const { total } = await rootAccount.getSubAccount('same').balance();
      return BigInt(total);
    }));
    assert.deepEqual(balances, [NEAR('5'), NEAR('6'), NEAR('7')]);
  } finally {
    await Promise.all(workers.map((each) => each.tearDown()));
  }
});
