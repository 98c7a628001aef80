// near-kit: its own sandbox runner, its own transaction builder, its own schemas for every answer.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { FunctionCallError, Near, generateKey } from 'near-kit';
import { Sandbox } from 'near-kit/sandbox';

import { binary, contract } from './daemon.mjs';

let sandbox;
let near;
let root;
before(async () => {
  sandbox = await Sandbox.start({ binaryPath: binary });
  near = new Near({ network: sandbox });
  root = sandbox.rootAccount.id;
});
after(() => sandbox?.stop());

test('one transaction makes an account with code and calls it', async () => {
  const id = `kit.${root}`;
  const key = generateKey();
  await near
    .transaction(root)
    .createAccount(id)
    .transfer(id, '10 NEAR')
    .addKey(key.publicKey.toString(), { type: 'fullAccess' })
    .deployContract(id, await contract('status'))
    .functionCall(id, 'set_status', { message: 'hello' })
    .send();
  assert.equal(await near.view(id, 'get_status', { account_id: root }), 'hello');
  const { balance } = await near.getAccount(id);
  assert.match(balance, /^10/);
  await assert.rejects(near.call(id, 'fail', { message: 'as asked' }, { signerId: root }), (error) => {
    assert(error instanceof FunctionCallError, error.stack);
    assert.match(String(error.message) + String(error.panic), /as asked/);
    return true;
  });
});

test('a snapshot of the running chain brings its state back', async () => {
  const account = (amount) => ({
    Account: {
      account_id: 'snapshot',
      account: { amount, locked: '0', code_hash: '11111111111111111111111111111111', storage_usage: 182 },
    },
  });
  await sandbox.patchState([account('5000000000000000000000000')]);
  const snapshot = await sandbox.dumpState();
  await sandbox.patchState([account('7000000000000000000000000')]);
  assert.match((await near.getAccount('snapshot')).balance, /^7/);
  await sandbox.restoreState(snapshot);
  assert.match((await near.getAccount('snapshot')).balance, /^5/);
  const saved = await sandbox.loadSnapshot(await sandbox.saveSnapshot());
  assert(saved.records.some((record) => record.Account?.account_id === 'snapshot'));
  await sandbox.restart(snapshot);
  assert.match((await near.getAccount('snapshot')).balance, /^5/);
});

test('patched state and passed time are seen', async () => {
  const before = (await near.getStatus()).sync_info.latest_block_height;
  await sandbox.fastForward(500);
  assert((await near.getStatus()).sync_info.latest_block_height >= before + 500);
  await sandbox.patchState([
    {
      Account: {
        account_id: 'patched',
        account: {
          amount: '5000000000000000000000000',
          locked: '0',
          code_hash: '11111111111111111111111111111111',
          storage_usage: 182,
        },
      },
    },
  ]);
  assert.match((await near.getAccount('patched')).balance, /^5/);
});
