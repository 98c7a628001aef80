//! Results of calls that go to other accounts.

use sandbox_runtime::near::DataReceiver;

use super::make::{call, deploy_echo};
use super::{Bed, Executed, case};
use crate::case::{Case, units};
use crate::cases::ledger::{actor, id, receipt};

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    const BASE: &str = "data_receipt_creation_base.execution";
    const BYTE: &str = "data_receipt_creation_per_byte.execution";
    let title = "execute: data receipts".to_owned();
    let data = case(bed, title, &[BASE, BYTE], &[64, 5_000, 20_000], |bed, size| {
        // One call, whose result goes to as many accounts as there are calls, or to none.
        let called = |receivers: u64| {
            let to = |at| DataReceiver { data_id: id("data", at), receiver_id: actor(at + 1) };
            let receivers = (0..receivers).map(to).collect();
            let receipts =
                vec![receipt(0, actor(0), actor(0), vec![call(0, size.each)?], receivers)];
            anyhow::Ok(Executed { before: Some(deploy_echo), receipts })
        };
        let worth = units(&[(BASE, size.calls), (BYTE, size.calls * size.each)]);
        Ok(called(size.calls)?.beside(bed, size, &called(0)?)?.worth(worth))
    });
    vec![data]
}
