// Starts sandboxd for a test file and ends it again; the small wasm modules and the raw JSON-RPC that the tests share.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** The binary under test: scripts/test names it, otherwise it is looked for where cargo builds it. */
export const binary = process.env.SANDBOXD_BIN ?? join(here, '../../../target/debug/sandboxd');
assert(existsSync(binary), `${binary} is missing: build sandboxd or set SANDBOXD_BIN`);

const fixtures = process.env.SANDBOXD_FIXTURES ?? join(here, '../../../fixtures');

/** A compiled contract of the fixtures. */
export const contract = (name) => readFile(join(fixtures, 'wasm', `${name}.wasm`));

/** The recorded errors of every method: `{ method, error }`. Values that change from run to run are names in them. */
export async function recordedErrors() {
  const folder = join(fixtures, '../sandboxd/tests/it/rpc/golden');
  const files = await Promise.all((await readdir(folder)).map(async (file) => {
    const goldens = JSON.parse(await readFile(join(folder, file)));
    return goldens.filter(({ error }) => error).map(({ error }) => ({ method: file.replace('.json', ''), error }));
  }));
  return files.flat();
}

/** A daemon on a free port, with what it said about itself: `rpc`, `chain_id`, `accounts`. */
export async function start(...options) {
  const child = spawn(binary, ['--rpc-addr', '127.0.0.1:0', '--json', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A test file that runs out of time is ended by the test runner: its daemon must not outlive it.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end).once('SIGTERM', () => process.exit(1));
  let complaints = '';
  child.stderr.on('data', (data) => (complaints += data));
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, 'line').then(([line]) => line),
    exited.then(([code]) => assert.fail(`sandboxd ended with ${code} before it was ready: ${complaints}`)),
  ]);
  return {
    ...JSON.parse(first),
    async stop() {
      process.off('exit', end);
      child.kill('SIGTERM');
      const [code, signal] = await exited;
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, complaints);
    },
  };
}

/** A folder in which the binary is called `near-sandbox`, as some clients insist. */
export async function sandboxFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'sandboxd-clients-'));
  await symlink(binary, join(folder, 'near-sandbox'));
  return { folder, remove: () => rm(folder, { recursive: true }) };
}

/** Sends a body as it is; gives back the status and the answer, parsed if it is JSON. */
export async function post(url, body, headers = { 'content-type': 'application/json' }) {
  const response = await fetch(url, { method: 'POST', body, headers });
  const text = await response.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, text, json };
}

/** One JSON-RPC call; `params` left out is sent as no params at all. */
export async function call(url, method, params) {
  const { status, json, text } = await post(url, JSON.stringify({ jsonrpc: '2.0', id: 'test', method, params }));
  assert.equal(json?.jsonrpc, '2.0', text);
  assert.equal(json.id, 'test');
  return { status, result: json.result, error: json.error };
}

/** The result of a call that must succeed. */
export async function result(url, method, params) {
  const answer = await call(url, method, params);
  assert.equal(answer.status, 200, JSON.stringify(answer));
  assert.equal(answer.error, undefined, JSON.stringify(answer));
  return answer.result;
}
