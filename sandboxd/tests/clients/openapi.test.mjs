// The document at /openapi.json: valid by the rules of OpenAPI, and true of requests and answers of every method.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv/dist/2020.js';

import { calls } from './calls.mjs';
import { call, recordedErrors, start } from './daemon.mjs';

let daemon;
let document;
before(async () => {
  daemon = await start();
  const response = await fetch(`${daemon.rpc}/openapi.json`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^application\/json/);
  document = await response.json();
});
after(() => daemon?.stop());

test('is a valid document', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert(valid, JSON.stringify(errors, null, 2));
});

/** What tells whether a request or an answer of a method is as the document says. */
function checks() {
  // Formats and encodings only inform.
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addSchema(document, 'openapi');
  const schema = (method, place) =>
    ajv.getSchema(`openapi#/paths/~1${method}/post/${place}/content/application~1json/schema`);
  return {
    takes: (method) => schema(method, 'requestBody'),
    answers: (method) => schema(method, 'responses/default'),
  };
}

test('tells what every method takes and answers', async () => {
  const { takes, answers } = checks();
  const missing = new Set(Object.keys(document.paths).map((path) => path.slice(1)));
  for (const { method, params, error } of await calls(daemon)) {
    missing.delete(method);
    const context = `${method} ${JSON.stringify(params)}`;
    const taken = takes(method);
    const request = { jsonrpc: '2.0', id: 1, method, params };
    if (error !== 'PARSE_ERROR') assert(taken(request), `${context}: ${JSON.stringify(taken.errors)}`);
    const answer = await call(daemon.rpc, method, params);
    assert.equal(answer.error?.cause.name, error, `${context}: ${JSON.stringify(answer)}`);
    const answered = answers(method);
    const body = { jsonrpc: '2.0', id: 1, ...(error ? { error: answer.error } : { result: answer.result }) };
    assert(answered(body), `${context}: ${JSON.stringify(answered.errors)}`);
  }
  assert.deepEqual([...missing], [], 'methods without a call');
});

test('tells every error that is recorded', async () => {
  const { answers } = checks();
  for (const { method, error } of await recordedErrors()) {
    const answered = answers(method);
    const context = `${method} ${JSON.stringify(error)}`;
    assert(answered({ jsonrpc: '2.0', id: 1, error }), `${context}: ${JSON.stringify(answered.errors)}`);
    const other = { ...error, cause: { name: 'ANOTHER_ERROR' } };
    assert(!answered({ jsonrpc: '2.0', id: 1, error: other }), `${method}: an error that it does not have`);
  }
});
