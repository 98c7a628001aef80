"""near-pytest, which finds the binary as `near-sandbox` on the PATH, starts it, and saves and restores its state."""

import os
from pathlib import Path

import pytest
from near_pytest import NearTestCase
from near_pytest.models import ContractCallError

NEAR = 10**24
STATUS = Path(os.environ["SANDBOXD_FIXTURES"], "wasm", "status.wasm")


class TestStatus(NearTestCase):
    @classmethod
    def setup_class(cls):
        super().setup_class()
        cls.contract = cls.deploy_contract(cls.create_account("status"), STATUS)
        cls.alice = cls.create_account("alice", 5 * NEAR)
        cls.save_state()

    def setup_method(self):
        assert self.reset_state()

    def get_status(self):
        return self.contract.view("get_status", {"account_id": self.alice.account_id}).json()

    def test_calls(self):
        assert self.get_status() is None
        self.contract.call_as(self.alice, "set_status", {"message": "hello"})
        assert self.get_status() == "hello"
        answer, result = self.contract.call_as(self.alice, "increment", return_full_result=True)
        assert answer.json() == 1
        assert any("EVENT_JSON:" in line for line in result.logs)

    def test_balances_are_those_that_were_saved(self):
        client = self.alice.client
        assert int(client.view_account(self.alice.account_id)["amount"]) == 5 * NEAR
        self.contract.call_as(self.alice, "donate", amount=NEAR)
        assert int(client.view_account(self.alice.account_id)["amount"]) < 4 * NEAR
        self.reset_state()
        assert int(client.view_account(self.alice.account_id)["amount"]) == 5 * NEAR

    def test_a_failure(self):
        with pytest.raises(ContractCallError, match="as asked"):
            self.contract.call_as(self.alice, "fail", {"message": "as asked"})


def test_fixtures(sandbox, localnet_alice_account, localnet_temp_account):
    status = sandbox.deploy(STATUS, localnet_temp_account)
    assert status.call("increment").as_transaction(localnet_alice_account).json() == 1
    assert status.call("get_count").as_view().json() == 1
