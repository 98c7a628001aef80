// The main job, as a user of near-api-js does it: accounts, contracts, calls across them, and typed errors.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import {
  Account,
  JsonRpcProvider,
  KeyPair,
  KeyPairSigner,
  actions,
  baseDecode,
  createTransaction,
  getTransactionLastResult,
  parseNearAmount,
} from 'near-api-js';
import {
  AccessKeyDoesNotExistError,
  AccountAlreadyExistsActionError,
  AccountDoesNotExistActionError,
  AccountDoesNotExistError,
  ContractCodeDoesNotExistError,
  ContractExecutionError,
  ContractMethodNotFoundError,
  InvalidNonceError,
  InvalidSignatureError,
  NotEnoughBalanceError,
  PrepareWasmError,
  SignerDoesNotExistError,
  TransactionExpiredError,
  TransactionSizeExceededError,
} from 'near-api-js/rpc-errors';

import { contract, start } from './daemon.mjs';

const TGAS = 1_000_000_000_000n;

let daemon;
let provider;
let root;
before(async () => {
  daemon = await start();
  provider = new JsonRpcProvider({ url: daemon.rpc });
  const [first] = daemon.accounts;
  root = new Account(first.account_id, provider, first.secret_key);
});
after(() => daemon?.stop());

/** A new sub-account of the root with its own key. */
async function account(prefix, near = '20') {
  const key = KeyPair.fromRandom('ed25519');
  await root.createSubAccount({
    accountOrPrefix: prefix,
    publicKey: key.getPublicKey(),
    nearToTransfer: parseNearAmount(near),
  });
  return new Account(`${prefix}.${root.accountId}`, provider, new KeyPairSigner(key));
}

async function deployed(prefix, name = 'status') {
  const owner = await account(prefix);
  await owner.deployContract(await contract(name));
  return owner;
}

const view = (contractId, method, args = {}) => provider.callFunction({ contractId, method, args });

describe('a contract on two accounts', () => {
  let one;
  let two;
  before(async () => {
    one = await deployed('one');
    two = await deployed('two');
  });

  test('the code is there', async () => {
    const { code, hash } = await one.getContractCode();
    assert.deepEqual(Buffer.from(code), await contract('status'));
    assert.equal((await one.getState()).codeHash, hash);
  });

  test('stores, and is read back by a view call', async () => {
    assert.equal(
      await root.callFunction({ contractId: one.accountId, methodName: 'set_status', args: { message: 'hello' } }),
      null,
    );
    assert.equal(await view(one.accountId, 'get_status', { account_id: root.accountId }), 'hello');
    assert.equal(await view(two.accountId, 'get_status', { account_id: root.accountId }), null);
    const again = await root.callFunctionRaw({
      contractId: one.accountId,
      methodName: 'set_status',
      args: { message: 'caf\u00e9' },
    });
    assert.equal(getTransactionLastResult(again), 'hello');
    assert.deepEqual(
      again.receipts_outcome.flatMap(({ outcome }) => outcome.logs),
      [`${root.accountId} says caf\u00e9`],
    );
    const { values } = await one.getContractState();
    assert(values.some(({ value }) => Buffer.from(value, 'base64').includes('caf\u00e9')));
  });

  test('calls across the two with a callback, and the gas profile tells what it cost', async () => {
    for (const counted of [1, 2, 3]) {
      assert.equal(await root.callFunction({ contractId: two.accountId, methodName: 'increment' }), counted);
    }
    const outcome = await root.callFunctionRaw({
      contractId: one.accountId,
      methodName: 'call_other',
      args: { account_id: two.accountId },
      gas: 100n * TGAS,
    });
    assert.equal(getTransactionLastResult(outcome), `${two.accountId} counted 4, together 4`);
    assert.equal(await view(one.accountId, 'get_count'), 4);
    assert.equal(await view(two.accountId, 'get_count'), 4);

    const status = await provider.viewTransactionStatusWithReceipts({
      txHash: outcome.transaction.hash,
      accountId: root.accountId,
      waitUntil: 'FINAL',
    });
    assert.equal(status.final_execution_status, 'FINAL');
    assert.equal(status.transaction_outcome.outcome.metadata.version, 1);
    const called = status.receipts_outcome.map(({ outcome: { executor_id } }) => executor_id);
    assert.deepEqual(called.slice(0, 2), [one.accountId, two.accountId]);
    const { metadata } = status.receipts_outcome[0].outcome;
    assert.equal(metadata.version, 4);
    const gas = Object.fromEntries(metadata.gas_profile.map(({ cost, gas_used }) => [cost, BigInt(gas_used)]));
    for (const cost of ['WASM_INSTRUCTION', 'BASE', 'CONTRACT_LOADING_BASE', 'NEW_ACTION_RECEIPT', 'FUNCTION_CALL_BASE']) {
      assert(gas[cost] > 0n, `${cost} in ${JSON.stringify(metadata)}`);
    }
    const receipts = new Set(status.receipts.map(({ receipt_id }) => receipt_id));
    for (const { id, outcome } of status.receipts_outcome) {
      assert(receipts.has(id), `receipt ${id} is listed`);
      for (const made of outcome.receipt_ids) assert(status.receipts_outcome.some((other) => other.id === made));
    }
  });

  test('a callback sees that the other contract failed', async () => {
    const outcome = await root.callFunctionRaw({
      contractId: one.accountId,
      methodName: 'call_failing',
      args: { account_id: two.accountId },
      gas: 100n * TGAS,
    });
    assert.equal(getTransactionLastResult(outcome), `${two.accountId} failed`);
    assert.equal(await view(two.accountId, 'get_count'), 4, 'the failed call changed nothing');
  });

  test('two calls are joined in one callback', async () => {
    assert.equal(
      await root.callFunction({
        contractId: one.accountId,
        methodName: 'join_counts',
        args: { first: one.accountId, second: two.accountId },
        gas: 100n * TGAS,
      }),
      8,
    );
  });

  test('takes a deposit, and sends it on', async () => {
    const before = (await one.getState()).balance.total;
    const amount = BigInt(parseNearAmount('2'));
    assert.equal(
      await root.callFunction({ contractId: one.accountId, methodName: 'donate', deposit: amount }),
      amount.toString(),
    );
    assert.equal((await one.getState()).balance.total, before + amount);
    const receiver = await account('receiver', '1');
    await root.callFunction({
      contractId: one.accountId,
      methodName: 'send',
      args: { receiver_id: receiver.accountId, amount: amount.toString() },
    });
    assert.equal((await receiver.getState()).balance.total, BigInt(parseNearAmount('3')));
  });

  test('makes an account with funds, a key and code in one batch', async () => {
    const key = KeyPair.fromRandom('ed25519');
    await root.callFunction({
      contractId: one.accountId,
      methodName: 'create_sub',
      args: {
        name: 'sub',
        public_key: key.getPublicKey().toString(),
        code: (await contract('tiny')).toString('base64'),
      },
      deposit: BigInt(parseNearAmount('3')),
      gas: 100n * TGAS,
    });
    const made = new Account(`sub.${one.accountId}`, provider, new KeyPairSigner(key));
    assert.equal((await made.getState()).balance.total, BigInt(parseNearAmount('3')));
    const raw = await made.callFunctionRaw({ contractId: made.accountId, methodName: 'increment', args: new Uint8Array() });
    assert.deepEqual(Buffer.from(raw.status.SuccessValue, 'base64'), Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]));
  });

  test('knows where it runs and who calls', async () => {
    const surroundings = await view(one.accountId, 'surroundings');
    assert.equal(surroundings.current_account_id, one.accountId);
    assert(BigInt(surroundings.block_timestamp) > 1_600_000_000_000_000_000n);
    const caller = await two.callFunction({ contractId: one.accountId, methodName: 'caller', deposit: 1n });
    assert.equal(caller.predecessor_account_id, two.accountId);
    assert.equal(caller.signer_account_id, two.accountId);
    assert.equal(caller.attached_deposit, '1');
  });

  test('AssemblyScript runs too', async () => {
    const book = await deployed('book', 'assembly');
    const signed = await root.callFunctionRaw({
      contractId: book.accountId,
      methodName: 'sign',
      args: new TextEncoder().encode('a line'),
    });
    assert.deepEqual(signed.receipts_outcome[0].outcome.logs, ['signed: a line \u270d']);
    const { result } = await provider.callFunctionRaw({
      contractId: book.accountId,
      method: 'read',
      args: new TextEncoder().encode(root.accountId),
    });
    assert.equal(Buffer.from(result).toString(), 'a line');
  });
});

describe('typed errors', () => {
  let one;
  before(async () => {
    one = await deployed('errors');
  });
  const failing = (methodName, args, options) =>
    root.callFunction({ contractId: one.accountId, methodName, args, ...options });

  /** A signed transfer of nothing to `one`, with any part replaced. */
  async function signed({ nonceOffset = 1n, signerId = root.accountId, blockHash, list } = {}) {
    const own = root.getSigner();
    const publicKey = await own.getPublicKey();
    const key = await root.getAccessKey(publicKey);
    const block = await provider.viewBlock({ finality: 'final' });
    const transaction = createTransaction(
      signerId,
      publicKey,
      one.accountId,
      key.nonce + nonceOffset,
      list ?? [actions.transfer(0n)],
      blockHash ?? baseDecode(block.header.hash),
    );
    return (await own.signTransaction(transaction)).signedTransaction;
  }

  test('a bad nonce', async () => {
    const transaction = await signed({ nonceOffset: 0n });
    await assert.rejects(provider.sendTransaction(transaction), (error) => {
      assert(error instanceof InvalidNonceError, error.stack);
      assert.equal(error.transactionNonce, error.accessKeyNonce);
      return true;
    });
  });

  test('the same transaction again is no error', async () => {
    const transaction = await signed();
    const first = await provider.sendTransaction(transaction);
    const second = await provider.sendTransaction(transaction);
    assert.equal(second.transaction.hash, first.transaction.hash);
    // The refund, for which the first answer did not wait, may be there by now.
    assert.deepEqual(second.receipts_outcome[0], first.receipts_outcome[0]);
  });

  test('a missing method', async () => {
    await assert.rejects(failing('no_such_method'), ContractMethodNotFoundError);
    await assert.rejects(view(one.accountId, 'no_such_method'), ContractMethodNotFoundError);
  });

  test('a panic', async () => {
    await assert.rejects(failing('fail', { message: 'as asked' }), (error) => {
      assert(error instanceof ContractExecutionError, error.stack);
      assert.match(error.message, /Smart contract panicked: as asked/);
      return true;
    });
    assert.equal(await view(one.accountId, 'get_count'), 0);
  });

  test('too little gas', async () => {
    await assert.rejects(failing('burn', { rounds: 4_000_000_000 }, { gas: 5n * TGAS }), (error) => {
      assert(error instanceof ContractExecutionError, error.stack);
      assert.match(error.message, /Exceeded the prepaid gas/);
      return true;
    });
  });

  test('what only a transaction may ask, asked in a view', async () => {
    await assert.rejects(view(one.accountId, 'caller'), /attached_deposit|signer_account_id|is not allowed in view/);
  });

  test('accounts that are not there', async () => {
    await assert.rejects(provider.viewAccount({ accountId: 'nobody.test.near' }), AccountDoesNotExistError);
    await assert.rejects(
      root.transfer({ receiverId: 'nobody.test.near', amount: 1n }),
      AccountDoesNotExistActionError,
    );
    const stranger = KeyPair.fromRandom('ed25519').getPublicKey();
    await assert.rejects(
      provider.viewAccessKey({ accountId: root.accountId, publicKey: stranger }),
      AccessKeyDoesNotExistError,
    );
  });

  test('an account that is there already', async () => {
    await assert.rejects(account('errors'), AccountAlreadyExistsActionError);
  });

  test('an account without code', async () => {
    const bare = await account('bare', '1');
    await assert.rejects(
      root.callFunction({ contractId: bare.accountId, methodName: 'anything' }),
      ContractCodeDoesNotExistError,
    );
    await assert.rejects(view(bare.accountId, 'anything'), ContractCodeDoesNotExistError);
  });

  test('more than the signer has', async () => {
    const poor = await account('poor', '1');
    await assert.rejects(
      poor.transfer({ receiverId: root.accountId, amount: BigInt(parseNearAmount('5')) }),
      NotEnoughBalanceError,
    );
  });

  test('a signature that is not of this transaction', async () => {
    const transaction = await signed();
    transaction.signature = (await signed({ nonceOffset: 2n })).signature;
    await assert.rejects(provider.sendTransaction(transaction), InvalidSignatureError);
  });

  test('a signer who is not there', async () => {
    const transaction = await signed({ signerId: 'nobody.test.near' });
    await assert.rejects(provider.sendTransaction(transaction), SignerDoesNotExistError);
  });

  test('a block hash of another chain', async () => {
    const transaction = await signed({ blockHash: new Uint8Array(32).fill(7) });
    await assert.rejects(provider.sendTransaction(transaction), TransactionExpiredError);
  });

  test('a transaction that is too large', async () => {
    const transaction = await signed({ list: [actions.deployContract(new Uint8Array(1_600_000))] });
    await assert.rejects(provider.sendTransaction(transaction), TransactionSizeExceededError);
  });

  test('code that is not WebAssembly, and code that asks for what does not exist', async () => {
    const broken = await account('broken');
    await broken.deployContract(new TextEncoder().encode('this is not wasm'));
    await assert.rejects(root.callFunction({ contractId: broken.accountId, methodName: 'main' }), PrepareWasmError);
    // (module (import "env" "x" (func)) (func (export "main") call 0))
    await broken.deployContract(
      Buffer.from('0061736d01000000010401600000020901' + '03656e760178000003020100' + '070801046d61696e0001' + '0a0601040010000b', 'hex'),
    );
    await assert.rejects(root.callFunction({ contractId: broken.accountId, methodName: 'main' }), (error) => {
      assert(error instanceof ContractExecutionError, error.stack);
      assert.match(error.message, /Link Error/);
      return true;
    });
    assert.equal(await root.callFunction({ contractId: one.accountId, methodName: 'increment' }), 1, 'the chain goes on');
  });
});
