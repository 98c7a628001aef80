// Versions 5 and 2 of near-api-js, which many projects still use: their accounts, their typed errors, and every method
// of their providers.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import { contract, start } from './daemon.mjs';

const NEAR = 10n ** 24n;
const TGAS = 10n ** 12n;
const base64 = (text) => Buffer.from(text).toString('base64');

// They print what contracts log, and every retry.
process.env.NEAR_NO_LOGS = 'true';

const require = createRequire(import.meta.url);

/** What version 5 types otherwise than version 2: it does not know errors of function calls. */
const VERSIONS = [
  {
    name: 'near-api-js-5',
    functionCallError: 'ActionError', methodNotFound: 'ActionError', codeDoesNotExist: 'ActionError',
  },
  {
    name: 'near-api-js-2',
    functionCallError: 'FunctionCallError', methodNotFound: 'MethodNotFound', codeDoesNotExist: 'CodeDoesNotExist',
  },
];

describe('old versions', { concurrency: true }, () => VERSIONS.forEach((version) => {
  const { name, functionCallError, methodNotFound, codeDoesNotExist } = version;
  describe(name, { concurrency: 1 }, () => {
    const api = require(name);
    const { KeyPair, transactions } = api;
    const { actionCreators } = createRequire(require.resolve(name))('@near-js/transactions');
    let daemon;
    let keyStore;
    let near;
    let provider;
    let rootId;
    let one;
    before(async () => {
      daemon = await start();
      keyStore = new api.keyStores.InMemoryKeyStore();
      const [{ account_id, secret_key }] = daemon.accounts;
      await keyStore.setKey('sandbox', account_id, KeyPair.fromString(secret_key));
      near = await api.connect({ networkId: 'sandbox', nodeUrl: daemon.rpc, keyStore, deps: { keyStore } });
      ({ provider } = near.connection);
      rootId = account_id;
      one = await deployed('one');
    });
    after(() => daemon?.stop());

    // An account object signs each transaction with the nonce that it saw first plus one, and waits half a second before
    // it looks again: a new object for each spares that.
    const root = () => new api.Account(near.connection, rootId);

    async function account(prefix, amount = 20n * NEAR) {
      const key = KeyPair.fromRandom('ed25519');
      const id = `${prefix}.${rootId}`;
      await root().createAccount(id, key.getPublicKey(), amount);
      await keyStore.setKey('sandbox', id, key);
      return near.account(id);
    }

    async function deployed(prefix) {
      const owner = await account(prefix);
      await owner.deployContract(await contract('status'));
      return owner;
    }

    const run = (methodName, args = {}, more = {}) =>
      root().functionCall({ contractId: one.accountId, methodName, args, ...more });
    const view = (methodName, args = {}) => root().viewFunction({ contractId: one.accountId, methodName, args });
    const typed = (type, text = /./) => (error) => {
      assert.equal(error.type, type, error.stack);
      assert.match(error.message, text);
      return true;
    };

    test('calls, views, state and balances', async () => {
      const outcome = await run('set_status', { message: 'hello' });
      assert.equal(api.providers.getTransactionLastResult(outcome), null);
      assert.equal(await view('get_status', { account_id: rootId }), 'hello');
      const state = await one.viewState('m');
      assert(state.some(({ value }) => value.includes('hello')));
      assert.deepEqual(await one.viewState('nothing'), []);
      const balance = await one.getAccountBalance();
      assert.equal(balance.total, (await one.state()).amount);
      assert(BigInt(balance.available) < BigInt(balance.total));
    });

    test('a contract object', async () => {
      const status = new api.Contract(root(), one.accountId, {
        viewMethods: ['get_status'], changeMethods: ['increment', 'donate'], useLocalViewExecution: false,
      });
      const first = await status.increment({ args: {} });
      assert.equal(await status.increment({ args: {}, gas: `${30n * TGAS}` }), first + 1);
      assert.equal(await status.donate({ args: {}, amount: NEAR.toString() }), NEAR.toString());
      assert.equal(await status.get_status({ account_id: 'nobody.near' }), null);
    });

    test('calls across contracts', async () => {
      const two = await deployed('two');
      const outcome = await run('call_other', { account_id: two.accountId }, { gas: 100n * TGAS });
      assert.match(api.providers.getTransactionLastResult(outcome), /^two\.\S+ counted 1, together \d+$/);
    });

    test('money, a batch, and an account that goes', async () => {
      const poor = await account('poor', NEAR);
      await root().sendMoney(poor.accountId, 2n * NEAR);
      assert.equal((await poor.state()).amount, (3n * NEAR).toString());
      const key = KeyPair.fromRandom('ed25519');
      const id = `batch.${rootId}`;
      await root().signAndSendTransaction({
        receiverId: id,
        actions: [
          transactions.createAccount(),
          transactions.transfer(5n * NEAR),
          transactions.addKey(key.getPublicKey(), transactions.fullAccessKey()),
          transactions.deployContract(await contract('tiny')),
        ],
      });
      await keyStore.setKey('sandbox', id, key);
      const made = await near.account(id);
      assert.notEqual((await made.state()).code_hash, '1'.repeat(32));
      await made.deleteAccount(rootId);
      await assert.rejects(made.state(), typed('AccountDoesNotExist'));
      const contractId = `deployed.${rootId}`;
      await root().createAndDeployContract(contractId, key.getPublicKey(), await contract('tiny'), 5n * NEAR);
      assert.notEqual((await (await near.account(contractId)).state()).code_hash, '1'.repeat(32));
    });

    test('access keys', async () => {
      const owner = await account('owner');
      const limited = KeyPair.fromRandom('ed25519');
      await owner.addKey(limited.getPublicKey(), one.accountId, ['increment'], NEAR);
      const { authorizedApps: [app] } = await owner.getAccountDetails();
      assert.equal(app.contractId, one.accountId);
      assert.equal(app.publicKey, limited.getPublicKey().toString());
      await keyStore.setKey('sandbox', owner.accountId, limited);
      const guest = await near.account(owner.accountId);
      await guest.functionCall({ contractId: one.accountId, methodName: 'increment', args: {} });
      await assert.rejects(
        guest.functionCall({ contractId: one.accountId, methodName: 'set_status', args: { message: 'no' } }),
        typed('MethodNameMismatch'),
      );
      await assert.rejects(guest.sendMoney(rootId, 1n), typed('RequiresFullAccess'));
      const [used] = (await owner.getAccessKeys()).filter(({ public_key }) => public_key === app.publicKey);
      assert(BigInt(used.access_key.permission.FunctionCall.allowance) < NEAR, 'gas came out of the allowance');
      const free = await account('free');
      const extra = KeyPair.fromRandom('ed25519').getPublicKey();
      await free.addKey(extra);
      assert.equal((await free.getAccessKeys()).length, 2);
      await free.deleteKey(extra);
      assert.equal((await free.getAccessKeys()).length, 1);
    });

    test('a relayer sends what another account signed', async () => {
      const sender = await account('sender');
      const signed = await sender.signedDelegate({
        actions: [transactions.transfer(NEAR)], blockHeightTtl: 100, receiverId: one.accountId,
      });
      const before = BigInt((await one.state()).amount);
      await root().signAndSendTransaction({
        receiverId: sender.accountId, actions: [actionCreators.signedDelegate(signed)],
      });
      assert.equal(BigInt((await one.state()).amount), before + NEAR);
    });

    test('typed errors', async () => {
      await assert.rejects(run('fail', { message: 'as asked' }), typed(functionCallError, /as asked/));
      await assert.rejects(run('no_such_method'), typed(methodNotFound));
      await assert.rejects(view('no_such_method'), /MethodResolveError\(MethodNotFound\)|Contract method is not found/);
      await assert.rejects(view('caller'), /ProhibitedInView/);
      await assert.rejects(
        run('burn', { rounds: 4_000_000_000 }, { gas: 5n * TGAS }),
        typed(functionCallError, /Exceeded the prepaid gas/),
      );
      await assert.rejects((await near.account('nobody.test.near')).state(), typed('AccountDoesNotExist'));
      await assert.rejects(root().sendMoney('nobody.test.near', 1n), typed('AccountDoesNotExist'));
      await assert.rejects(account('one'), typed('AccountAlreadyExists'));
      const poor = await account('penniless', NEAR);
      await assert.rejects(poor.sendMoney(rootId, 5n * NEAR), typed('NotEnoughBalance'));
      await assert.rejects(
        poor.functionCall({ contractId: poor.accountId, methodName: 'x', args: {} }),
        typed(codeDoesNotExist),
      );
      await assert.rejects(
        root().viewFunction({ contractId: poor.accountId, methodName: 'x', args: {} }),
        /CompilationError\(CodeDoesNotExist|Cannot find contract code/,
      );
      await assert.rejects(
        (await account('staker')).stake(KeyPair.fromRandom('ed25519').getPublicKey(), NEAR),
        typed('InsufficientStake'),
      );
      await keyStore.setKey('sandbox', poor.accountId, KeyPair.fromRandom('ed25519'));
      const stranger = await near.account(poor.accountId);
      await assert.rejects(stranger.sendMoney(rootId, 1n), typed('KeyNotFound'));
    });

    test('a transaction with the nonce of another is taken again with a new one', async () => {
      const many = await account('many');
      await Promise.all(Array.from({ length: 3 }, (_, index) => many.sendMoney(rootId, BigInt(index + 1))));
      assert(BigInt((await many.state()).amount) < 20n * NEAR);
    });

    test('every method of the provider', async () => {
      const asked = new Set();
      const watched = new Proxy(provider, {
        get(target, member) {
          asked.add(member);
          return target[member];
        },
      });
      const [, signed] = await root().signTransaction(one.accountId, [
        transactions.functionCall('set_status', { message: 'of the provider' }, 30n * TGAS, 0n),
      ]);
      const sent = await watched.sendTransaction(signed);
      const { transaction: { hash }, receipts_outcome: [ran] } = sent;
      assert.equal(ran.outcome.executor_id, one.accountId);
      assert.deepEqual((await watched.txStatus(hash, rootId)).status, sent.status);
      const bytes = api.utils.serialize.base_decode(hash);
      assert.deepEqual((await watched.txStatus(bytes, rootId)).status, sent.status);
      if (provider.txStatusString) await watched.txStatusString(hash, rootId, 'FINAL');
      if (provider.txStatusUint8Array) await watched.txStatusUint8Array(bytes, rootId, 'FINAL');
      const { receipts } = await watched.txStatusReceipts(hash, rootId);
      assert(receipts.some(({ receipt_id }) => receipt_id === ran.id));
      const [, later] = await root().signTransaction(one.accountId, [transactions.transfer(1n)]);
      await watched.sendTransactionAsync(later);
      if (provider.sendTransactionUntil) {
        assert.equal((await watched.sendTransactionUntil(later, 'FINAL')).final_execution_status, 'FINAL');
      }
      assert.equal((await watched.status()).chain_id, daemon.chain_id);

      const here = { blockId: ran.block_hash };
      const block = await watched.block(here);
      assert.equal(block.header.hash, ran.block_hash);
      assert.equal((await watched.block({ blockId: block.header.height })).header.hash, ran.block_hash);
      const chunk = await watched.chunk(block.chunks[0].chunk_hash);
      assert.deepEqual((await watched.chunk([block.header.height, 0])).header, chunk.header);
      assert(BigInt((await watched.gasPrice(null)).gas_price) > 0n);
      assert.equal((await watched.gasPrice(ran.block_hash)).gas_price, block.header.gas_price);
      assert.equal((await watched.validators(null)).current_validators.length, 1);
      assert.equal((await watched.experimental_protocolConfig(here)).chain_id, daemon.chain_id);
      const viewed = { request_type: 'view_account', account_id: one.accountId };
      assert.equal((await watched.query({ ...viewed, blockId: ran.block_hash })).block_hash, ran.block_hash);
      assert.equal((await watched.query(`account/${one.accountId}`, '')).locked, '0');

      const { changes: touched } = await watched.blockChanges(here);
      assert(touched.some(({ type, account_id }) => type === 'data_touched' && account_id === one.accountId));
      const prefix = base64('m');
      const { changes: data } = await watched.contractStateChanges([one.accountId], here, prefix);
      assert(data.every(({ type }) => type === 'data_update') && data.length > 0);
      const { changes: accounts } = await watched.accountChanges([one.accountId], here);
      assert.equal(accounts[0].type, 'account_update');
      const first = { blockId: sent.transaction_outcome.block_hash };
      const { changes: keys } = await watched.accessKeyChanges([rootId], first);
      assert.equal(keys[0].type, 'access_key_update');
      const key = { account_id: rootId, public_key: keys[0].change.public_key };
      assert.deepEqual((await watched.singleAccessKeyChanges([key], first)).changes, keys);
      assert.deepEqual((await watched.contractCodeChanges([one.accountId], here)).changes, []);

      for (let blocks = 0; blocks < 3; blocks += 1) await root().sendMoney(one.accountId, 1n);
      const head = await watched.block({ finality: 'final' });
      const next = await watched.nextLightClientBlock({ last_block_hash: ran.block_hash });
      assert(next.inner_lite.height > block.header.height);
      const proof = await watched.lightClientProof({
        type: 'receipt', receipt_id: ran.id, receiver_id: one.accountId, light_client_head: head.header.hash,
      });
      assert.equal(proof.outcome_proof.id, ran.id);
      await watched.sendJsonRpc('health', []);

      const own = Object.getOwnPropertyNames(Object.getPrototypeOf(provider)).filter((member) => member !== 'constructor');
      assert.deepEqual(own.filter((member) => !asked.has(member)), []);
    });
  });
}));
