// What no client library sends: NEAR's error objects and status codes, and a daemon that goes on.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { call, post, result, start } from './daemon.mjs';

let daemon;
before(async () => {
  daemon = await start();
});
after(() => daemon?.stop());
afterEach(async () => {
  assert.equal((await result(daemon.rpc, 'status', [])).chain_id, daemon.chain_id, 'it still answers');
});

const rpc = (method, params) => call(daemon.rpc, method, params);
const raw = (body, headers) => post(daemon.rpc, body, headers);

function assertParseError({ status, error }, text = /Failed parsing args/) {
  assert.equal(status, 400);
  assert.equal(error.name, 'REQUEST_VALIDATION_ERROR');
  assert.equal(error.cause.name, 'PARSE_ERROR');
  assert.equal(error.code, -32700);
  assert.equal(error.message, 'Parse error');
  assert.match(error.cause.info.error_message, text);
  assert.equal(error.data, error.cause.info.error_message);
}

describe('requests', () => {
  test('an unknown method', async () => {
    const { status, error } = await rpc('no_such_method', {});
    assert.equal(status, 400);
    assert.deepEqual(error, {
      name: 'REQUEST_VALIDATION_ERROR',
      cause: { name: 'METHOD_NOT_FOUND', info: { method_name: 'no_such_method' } },
      code: -32601,
      message: 'Method not found',
      data: 'no_such_method',
    });
  });

  for (const method of ['query', 'block', 'chunk', 'tx', 'send_tx', 'broadcast_tx_async', 'sandbox_patch_state']) {
    test(`${method} without params, with null, with nonsense`, async () => {
      for (const params of [undefined, null, 'text', 7, true, [{}], { nonsense: 1 }]) {
        const answer = await rpc(method, params);
        assert.equal(answer.status, 400, `${JSON.stringify(params)}: ${JSON.stringify(answer)}`);
        assert.equal(answer.error.cause.name, 'PARSE_ERROR');
      }
    });
  }

  for (const method of ['status', 'health', 'network_info', 'genesis_config']) {
    test(`${method} takes no params, and minds none`, async () => {
      for (const params of [undefined, null, [], {}]) {
        const { status, error } = await rpc(method, params);
        assert.equal(status, 200, JSON.stringify(error));
      }
    });
  }

  test('positional and named params mean the same', async () => {
    const { result: named } = await rpc('block', { block_id: 0 });
    const { result: positional } = await rpc('block', [0]);
    assert.deepEqual(positional, named);
    const [{ account_id }] = daemon.accounts;
    const { result: byPath } = await rpc('query', [`account/${account_id}`, '']);
    const { result: byName } = await rpc('query', { request_type: 'view_account', account_id, finality: 'final' });
    assert.deepEqual(byPath, byName);
    assert.deepEqual((await rpc('gas_price', [null])).result, (await rpc('gas_price', { block_id: null })).result);
    assert.equal((await rpc('validators', [null])).result.current_validators.length, 1);
  });

  test('a body that is not JSON', async () => {
    for (const body of ['', '{', 'nonsense', '[]', '7', '{"jsonrpc":"2.0"}']) {
      const { status } = await raw(body);
      assert(status >= 400 && status < 500, `${body}: ${status}`);
    }
  });

  test('a body that is not UTF-8', async () => {
    const start = Buffer.from('{"jsonrpc":"2.0","id":"x","method":"query","params":{"request_type":"view_account","account_id":"');
    const { status } = await raw(Buffer.concat([start, Buffer.from([0xff, 0xfe]), Buffer.from('","finality":"final"}}')]));
    assert(status >= 400 && status < 500, `${status}`);
  });

  test('a body that is too large', async () => {
    const { status } = await raw(`{"jsonrpc":"2.0","id":1,"method":"status","params":["${'x'.repeat(11 * 1024 * 1024)}"]}`);
    assert.equal(status, 413);
  });

  test('a body that is nested without end', async () => {
    const { status } = await raw(`{"jsonrpc":"2.0","id":1,"method":"status","params":${'['.repeat(100_000)}`);
    assert(status >= 400 && status < 500, `${status}`);
  });
});

describe('transactions', () => {
  test('base64 that is none, and bytes that are no transaction', async () => {
    for (const method of ['send_tx', 'broadcast_tx_commit', 'broadcast_tx_async']) {
      for (const text of ['***', 'AAA', '', 'AAAA', Buffer.alloc(64, 0xff).toString('base64')]) {
        for (const params of [[text], { signed_tx_base64: text }]) assertParseError(await rpc(method, params), /./);
      }
    }
    assertParseError(await rpc('send_tx', ['AAAA']), /Failed to decode transaction/);
  });

  test('a transaction cut off anywhere', async () => {
    const { Account, actions, encodeTransaction } = await import('near-api-js');
    const [{ account_id, secret_key }] = daemon.accounts;
    const account = new Account(account_id, daemon.rpc, secret_key);
    const signed = await account.createSignedTransaction({ receiverId: account_id, actions: [actions.transfer(1n)] });
    const whole = Buffer.from(encodeTransaction(signed));
    for (let length = 0; length < whole.length; length += 1) {
      assertParseError(await rpc('send_tx', [whole.subarray(0, length).toString('base64')]), /./);
    }
    const longer = Buffer.concat([whole, Buffer.from([0])]);
    assertParseError(await rpc('send_tx', [longer.toString('base64')]), /Failed to decode transaction/);
    const { result: outcome } = await rpc('send_tx', [whole.toString('base64')]);
    assert.equal(outcome.status.SuccessValue, '', 'whole, it is a good one');
  });

  test('one that nobody sent', async () => {
    const params = { tx_hash: '11111111111111111111111111111111', sender_account_id: 'test.near', wait_until: 'NONE' };
    const { status, error } = await rpc('tx', params);
    assert.equal(status, 200);
    assert.deepEqual(error.cause, {
      name: 'UNKNOWN_TRANSACTION',
      info: { requested_transaction_hash: '11111111111111111111111111111111' },
    });
  });
});

describe('queries', () => {
  const query = (params) => rpc('query', { finality: 'final', ...params });

  test('an account that is not there', async () => {
    const { status, error } = await query({ request_type: 'view_account', account_id: 'nobody' });
    assert.equal(status, 200);
    assert.equal(error.name, 'HANDLER_ERROR');
    assert.equal(error.code, -32000);
    assert.equal(error.message, 'Server error');
    assert.equal(error.cause.name, 'UNKNOWN_ACCOUNT');
    assert.equal(error.cause.info.requested_account_id, 'nobody');
    assert.match(error.data, /account nobody does not exist while viewing/);
  });

  test('an account id that cannot be', async () => {
    assertParseError(await query({ request_type: 'view_account', account_id: 'NOT AN ACCOUNT' }));
  });

  test('a kind of query that does not exist', async () => {
    assertParseError(await query({ request_type: 'view_everything', account_id: 'test.near' }));
  });

  test('arguments that are not base64', async () => {
    assertParseError(
      await query({ request_type: 'call_function', account_id: 'test.near', method_name: 'x', args_base64: '***' }),
    );
  });

  test('a missing key and a failed call are answers with an error inside', async () => {
    const [{ account_id }] = daemon.accounts;
    const public_key = 'ed25519:DcA2MzgpJbrUATQLLceocVckhhAqrkingax4oJ9kZ847';
    const { result: key } = await query({ request_type: 'view_access_key', account_id, public_key });
    assert.match(key.error, new RegExp(`access key ${public_key} does not exist while viewing`));
    const { result: answer } = await query({
      request_type: 'call_function', account_id, method_name: 'x', args_base64: '',
    });
    assert.match(answer.error, /wasm execution failed with error: CompilationError\(CodeDoesNotExist/);
    assert.deepEqual(answer.logs, []);
    assert.equal(typeof answer.block_height, 'number');
  });

  test('a block that is not there', async () => {
    const { status, error } = await rpc('block', { block_id: 1_000_000_000 });
    assert.equal(status, 200);
    assert.deepEqual(error.cause, { name: 'UNKNOWN_BLOCK', info: {} });
    assert.match(error.data, /DB Not Found Error/);
    const { error: byHash } = await rpc('block', { block_id: '11111111111111111111111111111112' });
    assert.equal(byHash.cause.name, 'UNKNOWN_BLOCK');
  });
});

describe('HTTP', () => {
  test('GET /status and /health', async () => {
    const status = await fetch(`${daemon.rpc}/status`);
    assert.equal(status.status, 200);
    assert.equal((await status.json()).chain_id, daemon.chain_id);
    assert.equal((await fetch(`${daemon.rpc}/health`)).status, 200);
  });

  test('paths and verbs that are not there', async () => {
    assert.equal((await fetch(`${daemon.rpc}/nowhere`)).status, 404);
    assert.equal((await fetch(daemon.rpc, { method: 'PUT', body: '{}' })).status, 405);
  });

  test('a browser from anywhere may ask', async () => {
    const response = await fetch(daemon.rpc, {
      method: 'OPTIONS',
      headers: { origin: 'http://a.page', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
  });
});
