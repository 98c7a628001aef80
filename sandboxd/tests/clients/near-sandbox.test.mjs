// The npm package near-sandbox: init, edited genesis and config, run, end.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Account, KeyPair, parseNearAmount } from 'near-api-js';

import { binary } from './daemon.mjs';

let near;
let sandbox;
before(async () => {
  process.env.NEAR_SANDBOX_BIN_PATH = binary;
  near = await import('near-sandbox');
  const extra = new near.GenesisAccount(
    'extra',
    near.DEFAULT_PUBLIC_KEY,
    near.DEFAULT_PRIVATE_KEY,
    BigInt(parseNearAmount('500')),
  );
  sandbox = await near.Sandbox.start({ config: { additionalAccounts: [extra] } });
});
after(() => sandbox?.tearDown());

test('the accounts of the edited genesis are there', async () => {
  const { balance } = await new Account(near.DEFAULT_ACCOUNT_ID, sandbox.rpcUrl).getState();
  assert.equal(balance.total, near.DEFAULT_BALANCE);
  assert.equal((await new Account('extra', sandbox.rpcUrl).getState()).balance.total, BigInt(parseNearAmount('500')));
});

test('and their key signs', async () => {
  const account = new Account(near.DEFAULT_ACCOUNT_ID, sandbox.rpcUrl, near.DEFAULT_PRIVATE_KEY);
  const outcome = await account.createSubAccount({
    accountOrPrefix: 'new',
    publicKey: KeyPair.fromRandom('ed25519').getPublicKey(),
    nearToTransfer: parseNearAmount('7'),
  });
  assert.equal(outcome.status.SuccessValue, '');
  const made = new Account(`new.${near.DEFAULT_ACCOUNT_ID}`, sandbox.rpcUrl);
  assert.equal((await made.getState()).balance.total, BigInt(parseNearAmount('7')));
});
