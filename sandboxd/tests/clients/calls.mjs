// A chain that has a bit of everything, and calls of every method of sandboxd against it: those that succeed and those
// that fail. The tests of schemas walk this one list.

import { createHash } from 'node:crypto';

import {
  Account, KeyPair, KeyPairSigner, JsonRpcProvider, actions, baseEncode, encodeTransaction,
} from 'near-api-js';

import { contract, result } from './daemon.mjs';

const NEAR = 10n ** 24n;
const TGAS = 10n ** 12n;
export const NOWHERE = '11111111111111111111111111111112';

const base64 = (bytes) => Buffer.from(bytes).toString('base64');

/** Each call is `{ method, params }`, with `error`, the name of the cause, where it must fail. */
export async function calls(daemon) {
  const { rpc } = daemon;
  const provider = new JsonRpcProvider({ url: rpc });
  const [{ account_id: root_id, secret_key }] = daemon.accounts;
  const root = new Account(root_id, provider, secret_key);
  const rootKey = KeyPair.fromString(secret_key).getPublicKey().toString();
  const genesis = await result(rpc, 'block', { block_id: 0 });

  const key = KeyPair.fromRandom('ed25519');
  const id = `app.${root_id}`;
  await root.createSubAccount({ accountOrPrefix: 'app', publicKey: key.getPublicKey(), nearToTransfer: 30n * NEAR });
  const app = new Account(id, provider, new KeyPairSigner(key));
  await app.deployContract(await contract('status'));
  await app.addFunctionCallAccessKey({
    publicKey: KeyPair.fromRandom('ed25519').getPublicKey(), contractId: id, methodNames: ['set_status'], allowance: NEAR,
  });
  const tiny = await contract('tiny');
  await root.signAndSendTransaction({
    receiverId: root_id,
    actions: ['codeHash', 'accountId'].map((mode) => actions.deployGlobalContract(tiny, mode)),
  });
  await result(rpc, 'sandbox_create_account', { account_id: 'token.near', code: base64(await contract('token')) });
  await root.callFunctionRaw({
    contractId: 'token.near', methodName: 'new', args: { owner_id: root_id, total_supply: '10' }, deposit: 0n, gas: 30n * TGAS,
  });
  const called = await root.callFunctionRaw({
    contractId: id, methodName: 'set_status', args: { message: 'hello' }, deposit: 0n, gas: 30n * TGAS, waitUntil: 'FINAL',
  });
  const crossed = await root.callFunctionRaw({
    contractId: id, methodName: 'call_failing', args: { account_id: id }, gas: 100n * TGAS, waitUntil: 'FINAL',
  });
  const tx_hash = called.transaction.hash;
  // The client would throw what this answers.
  const failing = await root.createSignedTransaction({
    receiverId: id, actions: [actions.functionCall('fail', { message: 'as asked' }, 30n * TGAS, 0n)],
  });
  const failed = await result(rpc, 'send_tx', [base64(encodeTransaction(failing))]);
  const sent = { block_id: called.transaction_outcome.block_hash };
  const run = { block_id: called.receipts_outcome[0].block_hash };
  await result(rpc, 'sandbox_fast_forward', { delta_height: 20 });
  const head = (await result(rpc, 'block', { finality: 'final' })).header;
  const chunk = (await result(rpc, 'block', run)).chunks[0];
  const { code_hash } = await result(rpc, 'query', { request_type: 'view_account', account_id: id, finality: 'final' });
  const global = baseEncode(createHash('sha256').update(tiny).digest());

  const signed = async (nonce) => {
    const transaction = await root.createSignedTransaction({ receiverId: id, actions: [actions.transfer(1n)], nonce });
    return base64(encodeTransaction(transaction));
  };
  const { nonce } = await root.getAccessKey(await root.getSigner().getPublicKey());
  let next = BigInt(nonce);
  const fresh = () => signed((next += 1n));
  const stale = await signed(1n);

  const last = { finality: 'final' };
  const nobody = 'nobody.test';
  const missing = { block_id: NOWHERE };
  const strange = KeyPair.fromRandom('ed25519').getPublicKey().toString();
  const status = { tx_hash, sender_account_id: root_id };
  const unknown = { tx_hash: NOWHERE, sender_account_id: root_id, wait_until: 'NONE' };
  const receipt_id = called.transaction_outcome.outcome.receipt_ids[0];
  const proof = { type: 'transaction', transaction_hash: tx_hash, sender_id: root_id, light_client_head: head.hash };
  const args_base64 = base64(JSON.stringify({ account_id: root_id }));
  const list = [];
  const add = (method, ...params) => params.forEach((given) => list.push({ method, params: given }));
  const fails = (method, error, ...params) => params.forEach((given) => list.push({ method, params: given, error }));

  add('status', null);
  add('health', null);
  add('network_info', null);
  add('client_config', null);
  add('genesis_config', null);
  add('EXPERIMENTAL_genesis_config', null);
  add('EXPERIMENTAL_split_storage_info', {});
  for (const finality of ['optimistic', 'near-final', 'final']) add('block', { finality });
  add('block', { sync_checkpoint: 'genesis' }, { sync_checkpoint: 'earliest_available' }, { block_id: 0 }, run, sent);
  fails('block', 'UNKNOWN_BLOCK', missing, { block_id: 10 ** 9 });
  fails('block', 'PARSE_ERROR', {}, { block_id: -1 }, { finality: 'soon' });
  for (const method of ['chunk', 'EXPERIMENTAL_congestion_level']) {
    add(method, { chunk_id: chunk.chunk_hash }, { ...run, shard_id: 0 });
    fails(method, 'UNKNOWN_CHUNK', { chunk_id: NOWHERE });
    fails(method, 'UNKNOWN_BLOCK', { ...missing, shard_id: 0 });
    fails(method, 'INVALID_SHARD_ID', { ...run, shard_id: 7 });
  }
  for (const method of ['changes', 'EXPERIMENTAL_changes']) {
    for (const block of [last, run, sent]) {
      add(
        method,
        { ...block, changes_type: 'account_changes', account_ids: [root_id, id] },
        { ...block, changes_type: 'all_access_key_changes', account_ids: [root_id, id] },
        { ...block, changes_type: 'single_access_key_changes', keys: [{ account_id: root_id, public_key: rootKey }] },
        { ...block, changes_type: 'contract_code_changes', account_ids: [id] },
        { ...block, changes_type: 'data_changes', account_ids: [id], key_prefix_base64: '' },
      );
    }
    fails(method, 'UNKNOWN_BLOCK', { ...missing, changes_type: 'account_changes', account_ids: [id] });
    fails(method, 'PARSE_ERROR', { ...last, changes_type: 'all_changes' });
  }
  for (const method of ['block_effects', 'EXPERIMENTAL_changes_in_block']) {
    add(method, last, run, sent);
    fails(method, 'UNKNOWN_BLOCK', missing);
  }
  add('gas_price', { block_id: null }, { block_id: 0 }, { block_id: head.hash });
  fails('gas_price', 'UNKNOWN_BLOCK', missing);
  add('validators', 'latest', { epoch_id: head.epoch_id });
  fails('validators', 'UNKNOWN_EPOCH', missing, { epoch_id: NOWHERE });
  fails('validators', 'VALIDATOR_INFO_UNAVAILABLE', sent);
  add('EXPERIMENTAL_validators_ordered', { block_id: null }, run);
  fails('EXPERIMENTAL_validators_ordered', 'UNKNOWN_EPOCH', missing);
  for (const method of ['maintenance_windows', 'EXPERIMENTAL_maintenance_windows']) {
    add(method, { account_id: root_id }, { account_id: nobody });
    fails(method, 'PARSE_ERROR', { account_id: 'NOT AN ACCOUNT' });
  }

  const views = [
    ['view_account', {}],
    ['view_code', {}],
    ['view_state', { prefix_base64: '' }],
    ['view_state', { prefix_base64: '', include_proof: true }],
    ['view_access_key', { public_key: key.getPublicKey().toString() }],
    ['view_access_key_list', {}],
    ['call_function', { method_name: 'get_status', args_base64 }],
  ];
  for (const [request_type, more] of views) {
    const params = { account_id: id, ...more };
    add('query', { ...last, request_type, ...params }, { ...run, request_type, ...params });
    add(`EXPERIMENTAL_${request_type}`, { ...last, ...params });
    fails('query', 'UNKNOWN_BLOCK', { ...missing, request_type, ...params });
    fails(`EXPERIMENTAL_${request_type}`, 'UNKNOWN_BLOCK', { ...missing, ...params });
    const nobodys = { ...params, account_id: nobody };
    if (!request_type.startsWith('view_access_key')) {
      fails('query', 'UNKNOWN_ACCOUNT', { ...last, request_type, ...nobodys });
      fails(`EXPERIMENTAL_${request_type}`, 'UNKNOWN_ACCOUNT', { ...last, ...nobodys });
    }
  }
  add(
    'query',
    { ...last, request_type: 'view_global_contract_code', code_hash: global },
    { ...last, request_type: 'view_global_contract_code_by_account_id', account_id: root_id },
  );
  fails('query', 'NO_GLOBAL_CONTRACT_CODE', { ...last, request_type: 'view_global_contract_code', code_hash: NOWHERE });
  fails('query', 'NO_GLOBAL_CONTRACT_CODE', {
    ...last, request_type: 'view_global_contract_code_by_account_id', account_id: id,
  });
  fails('query', 'NO_CONTRACT_CODE', { ...last, request_type: 'view_code', account_id: root_id });
  fails('EXPERIMENTAL_view_code', 'NO_CONTRACT_CODE', { ...last, account_id: root_id });
  fails('query', 'UNKNOWN_GAS_KEY', { ...last, request_type: 'view_gas_key_nonces', account_id: id, public_key: strange });
  fails('EXPERIMENTAL_view_gas_key_nonces', 'UNKNOWN_GAS_KEY', { ...last, account_id: id, public_key: strange });
  fails('EXPERIMENTAL_view_access_key', 'UNKNOWN_ACCESS_KEY', { ...last, account_id: id, public_key: strange });
  const unknownMethod = { account_id: id, method_name: 'nothing', args_base64 };
  fails('EXPERIMENTAL_call_function', 'CONTRACT_EXECUTION_ERROR', { ...last, ...unknownMethod });
  // neard answers these two with a result that has a member `error`.
  add('query', { ...last, request_type: 'call_function', ...unknownMethod });
  add('query', { ...last, request_type: 'view_access_key', account_id: id, public_key: strange });
  fails('query', 'PARSE_ERROR', { ...last, request_type: 'view_everything', account_id: id });

  for (const method of ['tx', 'tx_status', 'EXPERIMENTAL_tx_status']) {
    for (const wait_until of ['NONE', 'INCLUDED', 'EXECUTED_OPTIMISTIC', 'INCLUDED_FINAL', 'EXECUTED', 'FINAL']) {
      add(method, { ...status, wait_until });
    }
    add(method, status);
    for (const { transaction } of [crossed, failed]) add(method, { tx_hash: transaction.hash, sender_account_id: root_id });
    fails(method, 'UNKNOWN_TRANSACTION', unknown);
    fails(method, 'PARSE_ERROR', { tx_hash: 'short', sender_account_id: root_id });
  }
  for (const wait_until of ['NONE', 'INCLUDED', 'EXECUTED_OPTIMISTIC', 'INCLUDED_FINAL', 'EXECUTED', 'FINAL']) {
    add('send_tx', { signed_tx_base64: await fresh(), wait_until });
  }
  add('broadcast_tx_async', { signed_tx_base64: await fresh() });
  add('broadcast_tx_commit', { signed_tx_base64: await fresh() });
  for (const method of ['send_tx', 'broadcast_tx_commit']) {
    fails(method, 'INVALID_TRANSACTION', { signed_tx_base64: stale });
  }
  for (const method of ['send_tx', 'broadcast_tx_commit', 'broadcast_tx_async']) {
    fails(method, 'PARSE_ERROR', { signed_tx_base64: 'AAAA' });
  }

  add('EXPERIMENTAL_receipt', { receipt_id });
  fails('EXPERIMENTAL_receipt', 'UNKNOWN_RECEIPT', { receipt_id: NOWHERE });
  add('EXPERIMENTAL_receipt_to_tx', { receipt_id });
  fails('EXPERIMENTAL_receipt_to_tx', 'UNKNOWN_RECEIPT', { receipt_id: NOWHERE });
  add('EXPERIMENTAL_indexer_block', { block_hash: run.block_id });

  add('next_light_client_block', { last_block_hash: genesis.header.hash }, { last_block_hash: head.hash });
  fails('next_light_client_block', 'UNKNOWN_BLOCK', { last_block_hash: NOWHERE });
  for (const method of ['light_client_proof', 'EXPERIMENTAL_light_client_proof']) {
    add(method, proof, { type: 'receipt', receipt_id, receiver_id: id, light_client_head: head.hash });
    fails(method, 'UNKNOWN_TRANSACTION_OR_RECEIPT', { ...proof, transaction_hash: NOWHERE });
    fails(method, 'UNKNOWN_BLOCK', { ...proof, light_client_head: NOWHERE });
  }
  add('EXPERIMENTAL_light_client_block_proof', { block_hash: run.block_id, light_client_head: head.hash });
  fails('EXPERIMENTAL_light_client_block_proof', 'UNKNOWN_BLOCK', { block_hash: NOWHERE, light_client_head: head.hash });
  // Only chains that certify execution have these three proofs.
  const chunk_id = { block_hash: run.block_id, shard_id: 0 };
  const light_client_head = head.hash;
  fails('EXPERIMENTAL_light_client_chunk_execution_proof', 'CHUNK_NOT_CERTIFIED', { chunk_id, light_client_head });
  fails('EXPERIMENTAL_light_client_execution_outcome_proof', 'CHUNK_NOT_CERTIFIED', proof);
  fails('EXPERIMENTAL_light_client_state_proof', 'CHUNK_NOT_CERTIFIED', {
    chunk_id, light_client_head, target: { target_type: 'account', account_id: id },
  });

  add('EXPERIMENTAL_protocol_config', last, { block_id: 0 });
  fails('EXPERIMENTAL_protocol_config', 'UNKNOWN_BLOCK', missing);
  add('sandbox_patch_state', {
    records: [{ Account: { account_id: 'patched', account: { amount: '1', locked: '0', code_hash, storage_usage: 1 } } }],
  });
  fails('sandbox_patch_state', 'PARSE_ERROR', { records: [{ Nothing: {} }] });
  fails('sandbox_patch_state', 'INVALID_RECORD', { records: [{ Contract: { account_id: 'nobody', code: '' } }] });
  const made = { account_id: 'made.near' };
  const noone = { account_id: 'nobody.near' };
  add('sandbox_create_account', { ...made, balance: '1' });
  fails('sandbox_create_account', 'ACCOUNT_EXISTS', made);
  add('sandbox_set_balance', { ...made, balance: `${NEAR}` });
  fails('sandbox_set_balance', 'UNKNOWN_ACCOUNT', { ...noone, balance: '1' });
  for (const method of ['sandbox_faucet', 'sandbox_fund']) add(method, { ...made, amount: '1' });
  fails('sandbox_faucet', 'BALANCE_OVERFLOW', { ...made, amount: `${2n ** 128n - 1n}` });
  add('sandbox_set_code', { ...made, code: base64(tiny) });
  add('sandbox_set_code', { ...made, global_contract_account_id: root_id });
  fails('sandbox_set_code', 'PARSE_ERROR', made);
  add('sandbox_set_access_key', { ...made, public_key: rootKey, permission: 'FullAccess' });
  add('sandbox_set_access_key', { ...made, public_key: rootKey, permission: null });
  fails('sandbox_set_access_key', 'PARSE_ERROR', { ...made, public_key: rootKey });
  add('sandbox_set_data', { ...made, key: '', value: '' });
  add('sandbox_set_data', { ...made, key: '', value: null });
  fails('sandbox_set_data', 'PARSE_ERROR', { ...made, key: '' });
  add('sandbox_deal', { token_id: 'token.near', account_id: id, amount: '5' });
  fails('sandbox_deal', 'NOT_A_TOKEN', { token_id: id, account_id: id, amount: '5' });
  add('sandbox_delete_account', made);
  fails('sandbox_delete_account', 'UNKNOWN_ACCOUNT', made);
  add('sandbox_fast_forward', { delta_height: 1 });
  fails('sandbox_fast_forward', 'PARSE_ERROR', { delta_height: -1 });
  add('sandbox_time_travel', { delta_height: 1 });
  for (const method of ['sandbox_set_time', 'sandbox_set_next_block_time']) {
    add(method, { time: '2100000000000000000' });
    fails(method, 'INVALID_TIME', { time: 1 });
    fails(method, 'PARSE_ERROR', { time: 'noon' });
  }
  add('sandbox_increase_time', { delta: 1 }, { delta: '1000000000' });
  fails('sandbox_increase_time', 'INVALID_TIME', { delta: '18446744073709551615' });
  add('sandbox_freeze_time', {});
  add('sandbox_resume_time', {});
  add('sandbox_set_block_interval', { interval: 1000000000 });
  fails('sandbox_set_block_interval', 'INVALID_TIME', { interval: 0 });
  add('sandbox_remove_block_interval', {});
  add('sandbox_set_block_mode', { mode: 'manual' }, { mode: 'mixed', interval_ms: 1000 }, { mode: 'instant' });
  fails('sandbox_set_block_mode', 'INVALID_BLOCK_MODE', { mode: 'interval' });
  add('sandbox_block_mode', {});
  add('sandbox_mine', {}, { blocks: 2, interval: '1000000000' });
  fails('sandbox_mine', 'TOO_MANY_BLOCKS', { blocks: 1000000 });
  fails('sandbox_mine', 'INVALID_TIME', { interval: 0 });
  add('sandbox_hold_receipts', { receiver_id: 'patched', method_name: 'none' });
  add('sandbox_held_receipts', {});
  add('sandbox_release_receipts', { receipt_ids: [] }, { hold_id: 1 });
  fails('sandbox_release_receipts', 'UNKNOWN_HOLD', { hold_id: 1 });
  fails('sandbox_release_receipts', 'RECEIPT_NOT_HELD', { receipt_ids: [NOWHERE] });

  const transfer = { signer_id: root_id, receiver_id: id, actions: [{ Transfer: { deposit: '1' } }] };
  const elsewhere = { code: { 'nobody.test': '' } };
  for (const method of ['dry_run', 'sandbox_dry_run']) {
    add(method, { transaction: transfer, overrides: { balances: { [root_id]: `${NEAR}` } }, find_least: false });
    fails(method, 'INVALID_OVERRIDES', { transaction: transfer, overrides: elsewhere });
    fails(method, 'INVALID_TRANSACTION', { signed_tx_base64: stale });
  }
  const view = { account_id: id, method_name: 'get_status', args_base64: base64(JSON.stringify({ account_id: id })) };
  for (const method of ['dry_run_view', 'sandbox_dry_run_view']) {
    add(method, view);
    fails(method, 'UNKNOWN_ACCOUNT', { ...view, account_id: nobody });
    fails(method, 'CONTRACT_EXECUTION_ERROR', { ...view, method_name: 'nothing' });
    fails(method, 'INVALID_OVERRIDES', { ...view, overrides: elsewhere });
  }
  add('sandbox_impersonate', { account_id: id });
  fails('sandbox_impersonate', 'UNKNOWN_ACCOUNT', { account_id: nobody });
  add('sandbox_send_transaction', { ...transfer, signer_id: id, receiver_id: root_id });
  fails('sandbox_send_transaction', 'INVALID_TRANSACTION', { ...transfer, signer_id: nobody });
  add('sandbox_stop_impersonating', { account_id: id });
  add('sandbox_auto_impersonate', { enabled: true }, { enabled: false });
  add('sandbox_replay', { transaction_hash: tx_hash, sender_id: root_id, endpoint: rpc });
  fails('sandbox_replay', 'REMOTE_UNKNOWN_TRANSACTION', { receipt_id: NOWHERE, endpoint: rpc });
  add('sandbox_import_account', { account_id: id, endpoint: rpc });
  fails('sandbox_import_account', 'REMOTE_UNKNOWN_ACCOUNT', { account_id: nobody, endpoint: rpc });
  fails('sandbox_import_account', 'INVALID_ENDPOINT', { account_id: id, endpoint: 'ftp://localhost' });
  add('sandbox_snapshot', {});
  add('sandbox_snapshots', {});
  add('sandbox_revert', { snapshot_id: 1, keep: true });
  fails('sandbox_revert', 'UNKNOWN_SNAPSHOT', { snapshot_id: 1000 });
  add('sandbox_drop_snapshot', { snapshot_id: 1 });
  fails('sandbox_drop_snapshot', 'UNKNOWN_SNAPSHOT', { snapshot_id: 1 });
  add('sandbox_rollback', { depth: 1 });
  fails('sandbox_rollback', 'UNKNOWN_BLOCK', { height: 100000000 });
  add('sandbox_dump_state', {});
  fails('sandbox_load_state', 'INVALID_STATE', { state: 'AAAA' });
  return list;
}
