// WebSocket subscriptions, with the package that most Node programs use: every block in order, and an account's logs.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import { Account, JsonRpcProvider, KeyPair, KeyPairSigner, actions, encodeTransaction } from 'near-api-js';
import WebSocket from 'ws';

import { contract, result, start } from './daemon.mjs';

let daemon;
let provider;
let root;
let status;
before(async () => {
  daemon = await start();
  provider = new JsonRpcProvider({ url: daemon.rpc });
  const [{ account_id, secret_key }] = daemon.accounts;
  root = new Account(account_id, provider, secret_key);
  const key = KeyPair.fromRandom('ed25519');
  await root.createSubAccount({
    accountOrPrefix: 'status', publicKey: key.getPublicKey(), nearToTransfer: 20n * 10n ** 24n,
  });
  status = new Account(`status.${account_id}`, provider, new KeyPairSigner(key));
  await status.deployContract(await contract('status'));
});
after(() => daemon?.stop());

/** A connection that tells the results of its subscriptions, each to its own function. */
async function open() {
  const socket = new WebSocket(`${daemon.rpc.replace('http', 'ws')}/ws`);
  const answers = new Map();
  const topics = new Map();
  let lastId = 0;
  socket.on('message', (data) => {
    const { id, params, ...answer } = JSON.parse(data);
    if (params) topics.get(params.subscription)?.(params.result);
    else answers.get(id)(answer);
  });
  await once(socket, 'open');
  const request = (method, params) => new Promise((resolve) => {
    lastId += 1;
    answers.set(lastId, resolve);
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: lastId, method, params }));
  });
  return {
    request,
    async subscribe(params, told) {
      const { result: subscription, error } = await request('subscribe', params);
      assert.equal(error, undefined, JSON.stringify(error));
      topics.set(subscription, told);
      return subscription;
    },
    async close() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** Collects what it is told, and waits until that is enough. */
function collector() {
  const told = [];
  let check = () => {};
  return {
    told,
    add: (item) => {
      told.push(item);
      check();
    },
    until: (enough) => new Promise((resolve) => {
      check = () => enough(told) && resolve(told);
      check();
    }),
  };
}

test('blocks come in order and without gaps while transactions are sent, and all their logs', async () => {
  const socket = await open();
  const blocks = collector();
  const logs = collector();
  await socket.subscribe({ topic: 'blocks' }, blocks.add);
  await socket.subscribe({ topic: 'logs', account_id: status.accountId }, logs.add);

  const key = await root.getAccessKey(await root.getSigner().getPublicKey());
  const signed = await Promise.all(Array.from({ length: 50 }, (_, index) => root.createSignedTransaction({
    receiverId: status.accountId,
    nonce: BigInt(key.nonce) + 1n + BigInt(index),
    actions: [actions.functionCall('set_status', { message: `message ${index}` }, 20n * 10n ** 12n, 0n)],
  })));
  const encoded = signed.map((transaction) => Buffer.from(encodeTransaction(transaction)).toString('base64'));
  // Nobody waits for the one before, but the nonces arrive in their order.
  for (const signed_tx_base64 of encoded) {
    await result(daemon.rpc, 'send_tx', { signed_tx_base64, wait_until: 'NONE' });
  }
  const outcomes = await Promise.all(
    encoded.map((signed_tx_base64) => result(daemon.rpc, 'tx', { signed_tx_base64, wait_until: 'FINAL' })),
  );
  const { header: head } = await result(daemon.rpc, 'block', { finality: 'final' });
  await blocks.until((told) => told.at(-1)?.header.height >= head.height);
  await logs.until((told) => told.length >= signed.length);

  for (const [index, { header }] of blocks.told.entries()) {
    const before = blocks.told[index - 1]?.header;
    if (before) assert.deepEqual([header.height, header.prev_hash], [before.height + 1, before.hash]);
  }
  const seen = new Set(blocks.told.map(({ header }) => header.hash));
  for (const { transaction_outcome, receipts_outcome } of outcomes) {
    assert(seen.has(transaction_outcome.block_hash));
    const [{ id, block_hash, outcome }] = receipts_outcome;
    const [log] = logs.told.filter((told) => told.id === id);
    assert.deepEqual([log.logs, log.block_hash, log.account_id], [outcome.logs, block_hash, status.accountId]);
  }
  assert.deepEqual(
    logs.told.flatMap(({ logs: lines }) => lines).sort(),
    Array.from({ length: 50 }, (_, index) => `${root.accountId} says message ${index}`).sort(),
  );
  await socket.close();
});

test('a subscription ends when its client says so, and a bad one is an error', async () => {
  const socket = await open();
  const outcomes = collector();
  const kept = collector();
  const first = await socket.subscribe({ topic: 'outcomes', account_id: status.accountId }, outcomes.add);
  await socket.subscribe({ topic: 'outcomes', account_id: status.accountId }, kept.add);
  await root.callFunction({ contractId: status.accountId, methodName: 'increment' });
  await outcomes.until((told) => told.length > 0);
  assert.equal((await socket.request('unsubscribe', { subscription: first })).result, true);
  assert.equal((await socket.request('unsubscribe', { subscription: first })).result, false);
  const before = outcomes.told.length;
  await root.callFunction({ contractId: status.accountId, methodName: 'increment' });
  await kept.until((told) => told.length > before);
  assert.equal(outcomes.told.length, before);
  for (const params of [{ topic: 'nothing' }, { topic: 'blocks', account_id: 'test.near' }, {}]) {
    const { error } = await socket.request('subscribe', params);
    assert.equal(error.cause.name, 'PARSE_ERROR');
  }
  await socket.close();
});
