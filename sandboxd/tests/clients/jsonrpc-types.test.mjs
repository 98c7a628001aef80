// NEAR's own TypeScript client for JSON-RPC, and its Zod schemas: every answer of every method is parsed by them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import * as client from '@near-js/jsonrpc-client';
import * as types from '@near-js/jsonrpc-types';

import { calls } from './calls.mjs';
import { call, recordedErrors, start } from './daemon.mjs';

const GENESIS = ['avgHiddenValidatorSeatsPerShard', 'numBlockProducerSeatsPerShard'];
const GONE = 'the schema is that of an older neard, and near-chain-configs 0.38 has no such member';

/** Where the schemas refuse what neard answers today: which members they miss, and why it is they who are wrong. */
const STRICTER = [
  { methods: ['genesis_config', 'EXPERIMENTAL_genesis_config'], members: GENESIS, because: GONE },
  {
    methods: ['EXPERIMENTAL_protocol_config'],
    members: [...GENESIS, 'runtimeConfig.wasmConfig.saturatingFloatToInt'],
    because: `${GONE}, nor has near-parameters 0.38 a switch for a feature that every version has`,
  },
  {
    methods: ['client_config'],
    members: ['blockFetchHorizon', 'epochSync.epochSyncHorizon', 'stateSyncEnabled',
      'stateSyncExternalBackoff', 'stateSyncExternalTimeout'],
    because: GONE,
  },
  {
    methods: ['client_config'],
    members: ['blockProductionTrackingDelay', 'chunkWaitMult', 'doomslugStepPeriod', 'maxBlockProductionDelay',
      'maxBlockWaitDelay', 'minBlockProductionDelay'],
    because: 'a setting that can change while neard runs is written as a text with JSON in it, not as that JSON',
  },
  {
    methods: ['client_config'],
    members: ['orphanStateWitnessMaxSize'],
    because: 'sizes are written as a text since their type is ByteSize',
  },
  {
    methods: ['query'],
    answers: ({ error }) => error !== undefined,
    members: [''],
    because: 'the schema does not know the result with an error inside, by which neard tells of a failed call or a '
      + 'missing key; this client looks for it before it validates',
  },
  {
    methods: ['send_tx', 'tx', 'EXPERIMENTAL_tx_status'],
    answers: ({ status }) => status === undefined,
    members: [''],
    because: 'the schema wants outcomes, and who waits for nothing gets none',
  },
];

/** Queries that the client does not send, because it is older than they are. */
const NEWER = ['view_gas_key_nonces'];

let daemon;
let rpc;
let list;
before(async () => {
  daemon = await start();
  rpc = new client.NearRpcClient({ endpoint: daemon.rpc });
  list = (await calls(daemon)).filter(({ method }) => types.RPC_METHODS.includes(method));
});
after(() => daemon?.stop());

/** The client has its names in camel case, and those of the members of what it takes and gives. */
const camel = (text) => text.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
function converted(value) {
  if (Array.isArray(value)) return value.map(converted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [camel(name), converted(member)]));
}

const responseSchema = (method) => {
  const name = camel(method.startsWith('EXPERIMENTAL') ? method : `_${method}`);
  return types[`${name}ResponseSchema`]();
};
const known = (method, answer) =>
  STRICTER.filter(({ methods, answers }) => methods.includes(method) && (answers?.(answer) ?? true))
    .flatMap(({ members }) => members);

/** Which members of an answer its schema does not take. A schema is a union of results and errors. */
function refused(method, { result, error }) {
  const body = error ? { error } : { result };
  const { success, error: why } = responseSchema(method).safeParse(converted({ jsonrpc: '2.0', id: 'x', ...body }));
  if (success) return [];
  assert.equal(why.issues[0].code, 'invalid_union', why.message);
  return why.issues[0].errors[error ? 1 : 0].map(({ path }) => path.slice(1).join('.'));
}

test('every answer fits its schema', async () => {
  const missing = new Set(types.RPC_METHODS);
  for (const { method, params, error } of list) {
    const context = `${method} ${JSON.stringify(params)}`;
    const answer = await call(daemon.rpc, method, params);
    assert.equal(answer.error?.cause.name, error, `${context}: ${JSON.stringify(answer)}`);
    const expected = error ? [] : known(method, answer.result);
    assert.deepEqual(refused(method, answer).sort(), expected.sort(), `${context}: ${JSON.stringify(answer)}`);
    if (!error) missing.delete(method);
  }
  assert.deepEqual([...missing], [], 'methods without an answer');
});

test('every recorded error fits its schema', async () => {
  for (const { method, error } of await recordedErrors()) {
    if (types.RPC_METHODS.includes(method)) assert.deepEqual(refused(method, { error }), [], JSON.stringify(error));
  }
});

test('every function of the client, which checks what it sends and gets', async () => {
  const given = {};
  for (const { method, params, error } of list) {
    const context = `${method} ${JSON.stringify(params)}`;
    const { result, error: raw } = await call(daemon.rpc, method, params);
    const asked = client[camel(method.replace('EXPERIMENTAL', 'experimental'))](rpc, converted(params));
    const outcome = await asked.then(() => 'ok', (failure) => failure);
    if (result?.error) {
      assert(outcome instanceof client.JsonRpcClientError, `${context}: ${outcome}`);
      assert.equal(outcome.message, `RPC Error: ${result.error}`);
    } else if (error === 'PARSE_ERROR') {
      // Its own check may be the first to notice.
      assert.match(outcome.message, /^Request validation failed|^Parse error$/, context);
    } else if (NEWER.includes(params?.request_type)) {
      assert.match(outcome.message, /^Request validation failed/, context);
    } else if (error) {
      assert(outcome instanceof client.JsonRpcClientError, `${context}: ${outcome}`);
      assert.deepEqual([outcome.code, outcome.message, outcome.data], [raw.code, raw.message, raw.data], context);
    } else if (known(method, result).length > 0) {
      assert.match(outcome.message, /^Response validation failed/, context);
    } else {
      assert.equal(outcome, 'ok', context);
    }
    given[method] = outcome;
  }
  assert.equal(Object.keys(given).length, types.RPC_METHODS.length);
});

test('the shortcuts of the client', async () => {
  const accountId = `app.${daemon.accounts[0].account_id}`;
  const { amount } = await client.viewAccount(rpc, { accountId });
  assert(BigInt(amount) > 0n);
  const argsBase64 = Buffer.from(JSON.stringify({ account_id: daemon.accounts[0].account_id })).toString('base64');
  const view = { accountId, methodName: 'get_status', argsBase64 };
  assert.equal(await client.viewFunctionAsJson(rpc, view), 'hello');
  assert.equal(client.parseCallResultToJson(await client.viewFunction(rpc, view)), 'hello');
  await assert.rejects(client.viewFunction(rpc, { ...view, methodName: 'nothing' }), /MethodNotFound/);
  const { keys } = await client.query(rpc, { requestType: 'view_access_key_list', accountId, finality: 'final' });
  assert.equal(keys.length, 2);
  for (const { publicKey, accessKey } of keys) {
    const { permission } = await client.viewAccessKey(rpc, { accountId, publicKey });
    assert.deepEqual(permission, accessKey.permission);
  }
});
