//! Recorded receipts that run again alone.

use near_primitives::views::{ExecutionOutcomeWithIdView, ExecutionStatusView};
use sandboxd::chain::{DryReceiptFailed, DryRunFailed, Refusal};
use sandboxd::remote::{ReceiptReplay, ReceiptReplayFailed, RecordedReceipt, ReplayFailed};

use super::super::proxy::Fault;
use super::*;

/// `ask` calls the method that its input names, and `take` with the result of that.
const ASKING: &str = r#"
(module
  (import "env" "input" (func $input (param i64)))
  (import "env" "register_len" (func $len (param i64) (result i64)))
  (import "env" "read_register" (func $read (param i64 i64)))
  (import "env" "promise_create"
    (func $create (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_then"
    (func $then (param i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_yield_create"
    (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_result" (func $result (param i64 i64) (result i64)))
  (import "env" "promise_return" (func $return_promise (param i64)))
  (import "env" "value_return" (func $return (param i64 i64)))
  (import "env" "log_utf8" (func $log (param i64 i64)))
  (memory 1)
  (data (i32.const 0) "alice.test.near")
  (data (i32.const 32) "answer")
  (data (i32.const 48) "take")
  (data (i32.const 64) "nothing")
  (func $call (param $len i64) (param $method i64) (param $gas i64) (result i64)
    (call $create (i64.const 15) (i64.const 0) (local.get $len) (local.get $method)
      (i64.const 0) (i64.const 0) (i64.const 128) (local.get $gas)))
  (func (export "ask")
    (call $input (i64.const 0))
    (call $read (i64.const 0) (i64.const 256))
    (call $return_promise
      (call $then (call $call (call $len (i64.const 0)) (i64.const 256)
          (i64.const 20000000000000))
        (i64.const 15) (i64.const 0) (i64.const 4) (i64.const 48) (i64.const 0) (i64.const 0)
        (i64.const 128) (i64.const 5000000000000))))
  (func (export "answer")
    (call $log (i64.const 6) (i64.const 32))
    (call $return (i64.const 6) (i64.const 32)))
  (func (export "pass") (call $return_promise (call $call (i64.const 6) (i64.const 32) (i64.const 5000000000000))))
  (func (export "fail") unreachable)
  (func (export "take")
    (if (i64.eq (call $result (i64.const 0) (i64.const 1)) (i64.const 1))
      (then (call $return (i64.const -1) (i64.const 1)))
      (else (call $return (i64.const 7) (i64.const 64)))))
  (func (export "wait")
    (call $return_promise
      (call $yield (i64.const 4) (i64.const 48) (i64.const 0) (i64.const 0)
        (i64.const 5000000000000) (i64.const 0) (i64.const 2)))))
"#;

const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";

/// A chain where alice has the contract, and bob calls it.
struct Asked {
    elsewhere: Elsewhere,
    nonce: u64,
}

impl Asked {
    fn new() -> Self {
        let elsewhere = Elsewhere::start();
        let code = wat::parse_str(ASKING).unwrap();
        let deploy = Action::DeployContract(DeployContractAction { code });
        elsewhere.send(ALICE, ALICE, 1, deploy);
        Self { elsewhere, nonce: 0 }
    }

    fn call(&mut self, method: &str, args: &str) -> CryptoHash {
        self.nonce += 1;
        let call = Action::FunctionCall(Box::new(FunctionCallAction {
            method_name: method.to_owned(),
            args: args.as_bytes().to_vec(),
            gas: Gas::from_teragas(100),
            deposit: Balance::ZERO,
        }));
        self.elsewhere.send(BOB, ALICE, self.nonce, call)
    }

    /// The receipts of a transaction that call `method`.
    fn receipts(&self, transaction: &CryptoHash, method: &str) -> Vec<CryptoHash> {
        let chain = self.elsewhere.node.view();
        let execution = chain.execution(transaction).unwrap();
        let made = execution.outcomes.iter().flat_map(|at| &at.outcome.outcome.receipt_ids);
        let calls = |id: &&CryptoHash| {
            let (receipt, _) = chain.receipt(id).unwrap();
            let text = format!("{receipt:?}");
            text.contains(&format!("method_name: {method}"))
                || text.contains(&format!("method_name: {method:?}"))
        };
        made.filter(calls).copied().collect()
    }

    fn client(&self) -> Arc<Client> {
        client(&[self.elsewhere.url()]).into()
    }

    fn recorded(&self, id: &CryptoHash) -> RecordedReceipt {
        RecordedReceipt::fetch(&self.client(), id).unwrap().unwrap()
    }

    fn replay(&self, recorded: &RecordedReceipt) -> ReceiptReplay {
        recorded.replay(self.client(), None, BTreeMap::new()).unwrap()
    }
}

fn statuses(outcomes: &[ExecutionOutcomeWithIdView]) -> Vec<&ExecutionStatusView> {
    outcomes.iter().map(|outcome| &outcome.outcome.status).collect()
}

fn value(text: &str) -> ExecutionStatusView {
    ExecutionStatusView::SuccessValue(text.as_bytes().to_vec())
}

#[test]
fn a_receipt_runs_alone_with_what_it_makes() {
    let mut asked = Asked::new();
    let transaction = asked.call("ask", "answer");
    for _ in 0..3 {
        asked.call("ask", "fail");
    }
    for (method, callbacks) in [("ask", 2), ("answer", 0), ("take", 0)] {
        let [id] = asked.receipts(&transaction, method)[..] else { panic!("{method}") };
        let recorded = asked.recorded(&id);
        assert_eq!(recorded.outcomes[0].id, id);
        let calls = recorded.outcomes.iter().skip(1);
        let calls = calls.filter(|one| one.outcome.executor_id == ALICE).count();
        assert_eq!(calls, callbacks, "{method}");
        let mut replay = asked.replay(&recorded);
        replay.differences.retain(|one| !is_of_trie_nodes(&one.what));
        assert_eq!(replay.differences, [], "{method}");
        assert_eq!(statuses(&replay.outcomes), statuses(&recorded.outcomes), "{method}");
        let block = replay.run.after.outcome(&id).unwrap().block;
        assert_eq!(block.height(), recorded.block.height, "{method}");
        assert_eq!(block.header().raw_timestamp(), recorded.block.timestamp_nanosec);
        // Nothing of the transaction is there but what the receipt made.
        assert!(replay.run.after.outcome(&transaction).is_none(), "{method}");
    }
}

#[test]
fn a_receipt_gets_the_data_that_it_waited_for() {
    let mut asked = Asked::new();
    let expected = [("answer", "answer"), ("pass", "answer"), ("fail", "nothing")];
    let taken = expected.map(|(method, _)| {
        let transaction = asked.call("ask", method);
        asked.receipts(&transaction, "take")[0]
    });
    for (id, (method, result)) in taken.iter().zip(expected) {
        let recorded = asked.recorded(id);
        assert_eq!(recorded.input.len(), 1, "{method}");
        let replay = asked.replay(&recorded);
        assert_eq!(recorded.outcomes[0].outcome.status, value(result), "{method}");
        assert_eq!(replay.outcomes[0].outcome.status, value(result), "{method}");
    }
}

#[test]
fn other_code_makes_a_difference_to_the_receipt() {
    let mut asked = Asked::new();
    let transaction = asked.call("ask", "answer");
    let recorded = asked.recorded(&asked.receipts(&transaction, "ask")[0]);
    let other = ASKING.replace(r#""answer")"#, r#""ANSWER")"#);
    let other = wat::parse_str(other).unwrap();
    let code = BTreeMap::from([(id(ALICE), other)]);
    let replay = recorded.replay(asked.client(), None, code).unwrap();
    let is_status = |differs: &Differs| matches!(differs, Differs::Status(_));
    let differs = replay.differences.iter().find(|one| is_status(&one.what)).unwrap();
    assert_eq!(differs.at, "receipt.receipts[0]", "{:?}", replay.differences);
    let none = BTreeMap::from([(id("nobody.near"), Vec::new())]);
    let error = recorded.replay(asked.client(), None, none).unwrap_err().to_string();
    assert!(error.contains("nobody.near"), "{error}");
}

#[test]
fn what_is_not_told_of_a_receipt_is_named() {
    let mut asked = Asked::new();
    let call = Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: "wait".to_owned(),
        args: Vec::new(),
        gas: Gas::from_teragas(100),
        deposit: Balance::ZERO,
    }));
    asked.nonce += 1;
    let head = asked.elsewhere.node.view();
    let transaction = sign(&head, BOB, ALICE, asked.nonce, vec![call]);
    let landed = asked.elsewhere.node.submit(transaction.clone(), TxExecutionStatus::Included);
    landed.wait().unwrap().unwrap();
    let transaction = transaction.get_hash();
    asked.elsewhere.make_block();
    let [id] = asked.receipts(&transaction, "take")[..] else { panic!("one yield") };
    let fetched = RecordedReceipt::fetch(&asked.client(), &id);
    let error = fetched.unwrap_err();
    let ReceiptReplayFailed::NoOutcome { receipt_id } = &error else { panic!("{error}") };
    assert_eq!(*receipt_id, id);
    // Its time runs out, and what it gets then is of no receipt.
    asked.elsewhere.node.fast_forward(300).wait().unwrap().unwrap();
    asked.call("answer", "");
    let error = RecordedReceipt::fetch(&asked.client(), &id).unwrap_err();
    let ReceiptReplayFailed::MissingData { receipt_id, .. } = &error else { panic!("{error}") };
    assert_eq!(*receipt_id, id);
    let nothing = RecordedReceipt::fetch(&asked.client(), &hash(b"nothing")).unwrap();
    assert!(nothing.is_none());
}

const NO_METHOD: &str = r#"{"jsonrpc": "2.0", "id": "sandboxd", "error": {
    "name": "REQUEST_VALIDATION_ERROR",
    "cause": {"name": "METHOD_NOT_FOUND", "info": {"method_name": "X"}},
    "code": -32601, "message": "Method not found", "data": "X"
}}"#;

#[test]
fn an_endpoint_without_the_method_is_told_of() {
    let mut asked = Asked::new();
    let transaction = asked.call("answer", "");
    let [id] = asked.receipts(&transaction, "answer")[..] else { panic!("one call") };
    for lacks in ["EXPERIMENTAL_receipt", "EXPERIMENTAL_receipt_to_tx", "EXPERIMENTAL_tx_status"] {
        let proxy = Proxy::start(asked.elsewhere.server.address(), move |_, request| {
            if request["method"] == lacks { Fault::Answer(400, "", NO_METHOD) } else { Fault::None }
        });
        let error = RecordedReceipt::fetch(&client(&[proxy.url()]), &id).unwrap_err();
        let ReceiptReplayFailed::Replay(ReplayFailed::Remote(RemoteError::NoMethod {
            method, ..
        })) = &error
        else {
            panic!("{error}")
        };
        assert_eq!(*method, lacks);
    }
}

#[test]
fn what_cannot_be_read_for_a_receipt_ends_its_run() {
    let mut asked = Asked::new();
    let transaction = asked.call("ask", "answer");
    let recorded = asked.recorded(&asked.receipts(&transaction, "ask")[0]);
    let proxy = Proxy::start(asked.elsewhere.server.address(), |_, request| {
        if request["params"]["request_type"] == "view_code" {
            Fault::Answer(403, "", "no")
        } else {
            Fault::None
        }
    });
    let client = Arc::new(client(&[proxy.url()]));
    let error = recorded.replay(client, None, BTreeMap::new()).unwrap_err();
    let ReceiptReplayFailed::Run(DryReceiptFailed::Run(DryRunFailed::Refused(Refusal::Fault(why)))) =
        &error
    else {
        panic!("{error}")
    };
    assert!(why.to_string().contains("403"), "{why}");
}
