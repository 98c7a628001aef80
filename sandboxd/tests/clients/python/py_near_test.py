"""py-near against the daemon: accounts, contracts, keys, relayed transactions, and the errors that it types."""

import json
import os
import subprocess
import unittest
from pathlib import Path

import base58
from nacl.signing import SigningKey
from py_near import transactions
from py_near.account import Account, ViewFunctionError
from py_near.exceptions import exceptions, provider
from py_near.providers import JsonProvider

NEAR = 10**24
STATUS = Path(os.environ["SANDBOXD_FIXTURES"], "wasm", "status.wasm").read_bytes()


def key_pair():
    key = SigningKey.generate()
    public = bytes(key.verify_key)
    return base58.b58encode(public).decode(), "ed25519:" + base58.b58encode(bytes(key) + public).decode()


class PyNear(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        command = [os.environ["SANDBOXD_BIN"], "--rpc-addr", "127.0.0.1:0", "--json"]
        cls.daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        told = json.loads(cls.daemon.stdout.readline())
        cls.rpc, cls.chain_id, cls.root_key = told["rpc"], told["chain_id"], told["accounts"][0]

    @classmethod
    def tearDownClass(cls):
        cls.daemon.terminate()
        cls.daemon.stdout.close()
        assert cls.daemon.wait() == 0

    async def asyncSetUp(self):
        self.root = await self.account(self.root_key["account_id"], self.root_key["secret_key"])

    async def account(self, account_id, private_key):
        account = Account(account_id, private_key, rpc_addr=self.rpc)
        await account.startup()
        self.addAsyncCleanup(account.shutdown)
        return account

    async def create(self, name, balance=20 * NEAR):
        public, private = key_pair()
        account_id = f"{name}.{self.root.account_id}"
        await self.root.create_account(account_id, public, balance)
        return await self.account(account_id, private)

    async def test_accounts_and_transfers(self):
        self.assertEqual(self.root.chain_id, self.chain_id)
        ann = await self.create("ann", 5 * NEAR)
        self.assertEqual(await ann.get_balance(), 5 * NEAR)
        sent = await self.root.send_money(ann.account_id, NEAR)
        self.assertEqual(sent.status, {"SuccessValue": ""})
        self.assertEqual(await ann.get_balance(), 6 * NEAR)
        self.assertEqual((await ann.fetch_state())["code_hash"], "1" * 32)
        included = await self.root.send_money(ann.account_id, NEAR, included=True)
        found = await self.root.provider.get_tx(included, self.root.account_id)
        self.assertEqual(found.transaction.hash, included)
        status = await self.root.provider.get_tx_status(included, self.root.account_id)
        self.assertEqual(status.status, {"SuccessValue": ""})

    async def test_contracts(self):
        status = await self.create("status")
        await status.deploy_contract(STATUS)
        called = await self.root.function_call(status.account_id, "set_status", {"message": "hello"})
        self.assertEqual(called.logs, [f"{self.root.account_id} says hello"])
        args = {"account_id": self.root.account_id}
        viewed = await self.root.view_function(status.account_id, "get_status", args)
        self.assertEqual(viewed.result, "hello")
        donated = await self.root.function_call(status.account_id, "donate", {}, amount=NEAR)
        self.assertIn("SuccessValue", donated.status)
        other = await self.create("other")
        await other.deploy_contract(STATUS)
        crossed = await self.root.function_call(
            status.account_id, "call_other", {"account_id": other.account_id}, gas=100 * 10**12
        )
        self.assertIn("SuccessValue", crossed.status)
        failed = await self.root.function_call(status.account_id, "fail", {"message": "as asked"})
        self.assertIn("as asked", json.dumps(failed.status["Failure"]))
        errors = [outcome.error for outcome in failed.receipt_outcome if outcome.error]
        self.assertIsInstance(errors[0], exceptions.FunctionCallError)
        with self.assertRaisesRegex(ViewFunctionError, "MethodNotFound"):
            await self.root.view_function(status.account_id, "nothing", {})

    async def test_keys(self):
        ben = await self.create("ben")
        limited, limited_private = key_pair()
        await ben.add_public_key(limited, self.root.account_id, ["anything"], NEAR)
        full, _ = key_pair()
        await ben.add_full_access_public_key(full)
        keys = await ben.get_access_key_list()
        self.assertEqual(len(keys), 3)
        [guest] = [key for key in keys if key.public_key == f"ed25519:{limited}"]
        self.assertEqual(guest.access_key["permission"]["FunctionCall"]["method_names"], ["anything"])
        await ben.delete_public_key(full)
        self.assertEqual(len(await ben.get_access_key_list()), 2)
        with self.assertRaisesRegex(provider.InvalidTransactionError, "RequiresFullAccess"):
            await (await self.account(ben.account_id, limited_private)).send_money(self.root.account_id, 1)

    async def test_a_relayer(self):
        cleo = await self.create("cleo")
        relayer = await self.create("relayer")
        receiver = await self.create("receiver", NEAR)
        delegate = await cleo.create_delegate_action(
            [transactions.create_transfer_action(2 * NEAR)], receiver.account_id
        )
        signature = cleo.sign_delegate_transaction(delegate)
        relayed = await relayer.call_delegate_transaction(delegate, signature)
        self.assertIn("SuccessValue", relayed.status)
        self.assertEqual(await receiver.get_balance(), 3 * NEAR)
        self.assertEqual(await cleo.get_balance(), 20 * NEAR, "the relayer pays, deposits too")
        self.assertLess(await relayer.get_balance(), 18 * NEAR)

    async def test_typed_errors(self):
        poor = await self.create("poor", NEAR)
        with self.assertRaises(provider.NotEnoughBalance):
            await poor.send_money(self.root.account_id, 5 * NEAR)
        with self.assertRaises(provider.UnknownAccount):
            await self.root.get_balance("nobody.test")
        with self.assertRaises(provider.UnknownBlockError):
            await self.root.provider.json_rpc("block", {"block_id": 10**9})
        again = await self.root.create_account(poor.account_id, key_pair()[0], NEAR)
        [error] = [outcome.error for outcome in again.receipt_outcome if outcome.error]
        self.assertIsInstance(error, exceptions.AccountAlreadyExistsError)
        gone = await self.root.send_money("nobody.test", NEAR)
        errors = [outcome.error for outcome in gone.receipt_outcome if outcome.error]
        self.assertIsInstance(errors[0], exceptions.AccountDoesNotExistError)

    async def test_the_provider(self):
        async with JsonProvider(self.rpc) as rpc:
            await rpc.startup()
            sent = await self.root.send_money(self.root.account_id, 1)
            sent_by = [sent.transaction.hash, self.root.account_id]
            block_hash = (await rpc.json_rpc("tx", sent_by))["transaction_outcome"]["block_hash"]
            block = await rpc.get_block(block_hash)
            chunk = await rpc.get_chunk(block["chunks"][0]["chunk_hash"])
            self.assertEqual(chunk["header"]["chunk_hash"], block["chunks"][0]["chunk_hash"])
            self.assertEqual(len((await rpc.get_validators())["current_validators"]), 1)
            self.assertEqual(len(await rpc.get_validators_ordered(block_hash)), 1)
            changes = await rpc.get_changes_in_block({"block_id": block_hash})
            self.assertIn(self.root.account_id, [change["account_id"] for change in changes["changes"]])
            for _ in range(3):
                await self.root.send_money(self.root.account_id, 1)
            head = (await rpc.get_status())["sync_info"]["latest_block_hash"]
            light = await rpc.get_next_light_client_block(block_hash)
            self.assertGreater(light["inner_lite"]["height"], block["header"]["height"])
            proof = await rpc.get_light_client_proof("transaction", *sent_by, head)
            self.assertEqual(proof["outcome_proof"]["id"], sent.transaction.hash)


if __name__ == "__main__":
    unittest.main(verbosity=2)
