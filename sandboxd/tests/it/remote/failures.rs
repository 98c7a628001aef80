//! What goes wrong on the way, and what is made of it.

use std::time::Instant;

use sandboxd::remote::{FailureKind, SmallData};
use serde_json::{Value, json};

use super::proxy::Fault;
use super::*;

/// Asks for an account through a proxy with this plan, and gives what was seen of the requests for it.
fn account_through(
    plan: impl Fn(usize, &Value) -> Fault + Send + Sync + 'static,
) -> (Result<(), RemoteError>, usize) {
    let elsewhere = Elsewhere::start();
    let is_account = |request: &Value| request["params"]["request_type"] == "view_account";
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let proxy = Proxy::start(elsewhere.server.address(), move |_, request| {
        if !is_account(request) {
            return Fault::None;
        }
        plan(asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed), request)
    });
    let remote = elsewhere.read_by(client(&[proxy.url()]));
    let answer = remote.account(&id(SMALL));
    let asked = proxy.seen().iter().filter(|request| is_account(request)).count();
    (answer.map(|account| assert!(account.is_some())), asked)
}

#[test]
fn what_may_pass_is_tried_again() {
    let once: [fn() -> Fault; 7] = [
        || Fault::Drop,
        || Fault::Cut,
        || Fault::Delay(Duration::from_millis(50)),
        || Fault::Answer(500, "", "oops"),
        || Fault::Answer(503, "retry-after: 0\r\n", ""),
        || Fault::Answer(200, "", "<html>not JSON</html>"),
        || {
            Fault::Answer(
                200,
                "",
                r#"{"jsonrpc":"2.0","id":1,"error":{"cause":{"name":"TIMEOUT_ERROR"}}}"#,
            )
        },
    ];
    for (place, fault) in once.into_iter().enumerate() {
        let (answer, asked) =
            account_through(move |number, _| if number == 0 { fault() } else { Fault::None });
        assert_eq!(answer, Ok(()), "{place}");
        assert_eq!(asked, if place == 2 { 1 } else { 2 }, "{place}");
    }
}

#[test]
fn an_endpoint_that_asks_for_time_gets_it() {
    let started = Instant::now();
    let (answer, asked) = account_through(|number, _| match number {
        0 => Fault::Answer(429, "retry-after: 1\r\n", "slow down"),
        _ => Fault::None,
    });
    assert_eq!((answer, asked), (Ok(()), 2));
    assert!(started.elapsed() >= Duration::from_secs(1));
    let (answer, asked) =
        account_through(|_, _| Fault::Answer(429, "retry-after: 3600\r\n", "slow down"));
    let error = answer.unwrap_err();
    assert!(failures(&error)[0].contains("429"), "{error}");
    assert_eq!(asked, 1, "an hour is more than the time limit");
}

#[test]
fn an_endpoint_that_wants_to_be_left_alone_is_left_alone_by_later_requests_too() {
    let elsewhere = Elsewhere::start();
    let busy = Proxy::start(elsewhere.server.address(), |_, _| {
        Fault::Answer(429, "retry-after: 3600\r\n", "slow down")
    });
    let alone = client(&[busy.url()]);
    for says in ["429", "it asked to be left alone for 35"] {
        let error = alone.result("status", &json!([])).unwrap_err();
        assert!(failures(&error)[0].contains(says), "{error}");
    }
    let both = client(&[busy.url(), elsewhere.url()]);
    for _ in 0..3 {
        both.result("status", &json!([])).unwrap();
    }
    assert_eq!(busy.seen().len(), 2);
}

#[test]
fn retries_end() {
    let (answer, asked) = account_through(|_, _| Fault::Drop);
    let error = answer.unwrap_err();
    let RemoteError::Failed { request, failures } = &error else { panic!("{error}") };
    assert!(request.starts_with("view_account small.near at block "), "{request}");
    assert_eq!(failures[0].kind, FailureKind::Unreachable);
    assert_eq!(asked, 4, "the request and three retries");
}

#[test]
fn a_request_ends_by_the_time_limit() {
    let elsewhere = Elsewhere::start();
    let proxy = Proxy::start(elsewhere.server.address(), |number, _| match number {
        0 => Fault::None,
        _ => Fault::Delay(Duration::from_secs(30)),
    });
    let timeout = Duration::from_millis(200);
    let options = ClientOptions { timeout, retries: 0, headers: Vec::new() };
    let remote = elsewhere.read_by(Client::new([proxy.url()], options).unwrap());
    let started = Instant::now();
    let error = remote.account(&id(SMALL)).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(failures(&error)[0].contains("timeout"), "{error}");
}

#[test]
fn another_endpoint_takes_over_and_the_failed_one_rests() {
    let elsewhere = Elsewhere::start();
    let dead = Proxy::start(elsewhere.server.address(), |_, _| Fault::Answer(403, "", "no key"));
    let alive = Proxy::start(elsewhere.server.address(), |_, _| Fault::None);
    let remote = elsewhere.read_by(client(&[dead.url(), alive.url()]));
    for name in [SMALL, LARGE, KEYS] {
        assert!(remote.account(&id(name)).unwrap().is_some());
    }
    assert_eq!(dead.seen().len(), 1);
    assert_eq!(alive.seen().len(), 4);
    let alone = client(&[dead.url()]);
    let error = Remote::at(alone.into(), BlockPin::Final).unwrap_err();
    assert_eq!(failures(&error), [format!("{}: HTTP status 403 Forbidden", dead.url())]);
}

#[test]
fn an_endpoint_that_speaks_no_tls_is_a_failure() {
    let elsewhere = Elsewhere::start();
    let url = elsewhere.url().replace("http://", "https://");
    let options = ClientOptions { retries: 0, ..ClientOptions::default() };
    let error = Client::new([&url], options).unwrap().result("status", &json!([])).unwrap_err();
    assert!(failures(&error)[0].starts_with(&url), "{error}");
}

#[test]
fn headers_and_a_name_are_sent() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://secret@{}/key", listener.local_addr().unwrap());
    let head = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = vec![0; 4096];
        let length = std::io::Read::read(&mut stream, &mut head).unwrap();
        String::from_utf8(head[..length].to_vec()).unwrap()
    });
    let headers = vec![("x-api-key".parse().unwrap(), "42".parse().unwrap())];
    let options = ClientOptions { headers, retries: 0, ..ClientOptions::default() };
    let client = Client::new([url], options).unwrap();
    let error = client.result("status", &json!([])).unwrap_err().to_string();
    let head = head.join().unwrap().to_lowercase();
    assert!(head.starts_with("post /key http/1.1"), "{head}");
    assert!(head.contains("x-api-key: 42") && head.contains("user-agent: sandboxd/"), "{head}");
    assert!(!error.contains("secret") && !error.contains("/key"), "{error}");
}

#[test]
fn a_wrong_value_is_noticed_by_its_proof_and_the_next_endpoint_is_asked() {
    let changes: [fn(&mut Value); 4] = [
        |answer| answer["result"]["values"][1]["value"] = json!("bm90IHRoaXM="),
        |answer| drop(answer["result"]["values"].as_array_mut().map(Vec::pop)),
        |answer| {
            let extra = json!({ "key": "enp6", "value": "" });
            answer["result"]["values"].as_array_mut().unwrap().push(extra);
        },
        |answer| drop(answer["result"]["proof"].as_array_mut().map(|nodes| nodes.remove(0))),
    ];
    let elsewhere = Elsewhere::start();
    for change in changes {
        let liar = Proxy::start(elsewhere.server.address(), move |_, request| {
            let is_data = request["params"]["request_type"] == "view_state";
            if is_data { Fault::Change(change) } else { Fault::None }
        });
        let alone = elsewhere.read_by(client(&[liar.url()]));
        let error = alone.small_data(&id(SMALL)).unwrap_err();
        let text = failures(&error).join(" ");
        assert!(text.contains(&liar.url()) && text.contains("wrong answer: its proof"), "{text}");
        let both = elsewhere.read_by(client(&[liar.url(), elsewhere.url()]));
        let SmallData::All(records) = both.small_data(&id(SMALL)).unwrap() else { panic!() };
        assert_eq!(records.len(), 3);
    }
}

#[test]
fn wrong_code_and_answers_about_other_blocks_are_noticed() {
    let elsewhere = Elsewhere::start();
    let liar = Proxy::start(elsewhere.server.address(), |_, request| {
        match request["params"]["request_type"].as_str() {
            Some("view_code") => {
                Fault::Change(|answer| answer["result"]["code_base64"] = json!("AAAA"))
            }
            Some("view_account") if request["params"]["account_id"] == LARGE => {
                Fault::Change(|answer| {
                    answer["result"]["block_hash"] = json!("11111111111111111111111111111111");
                })
            }
            Some("view_account") if request["params"]["account_id"] == KEYS => {
                Fault::Change(|answer| answer["result"]["amount"] = json!("many"))
            }
            _ => Fault::None,
        }
    });
    let remote = elsewhere.read_by(client(&[liar.url()]));
    let says = |error: RemoteError| failures(&error).join(" ");
    let code = says(remote.code(&id(SMALL)).unwrap_err());
    assert!(code.contains("wrong answer: the code has the hash"), "{code}");
    // The endpoint rests now, but there is no other.
    let block = says(remote.account(&id(LARGE)).unwrap_err());
    assert!(block.contains("wrong answer: it is about another block"), "{block}");
    let amount = says(remote.account(&id(KEYS)).unwrap_err());
    assert!(amount.contains("wrong answer: "), "{amount}");
}

#[test]
fn older_nodes_show_small_accounts_only_and_say_what_helps() {
    let elsewhere = Elsewhere::start();
    // Before nearcore 2.13 there are no pages: the members that ask for them are not looked at.
    let older = Proxy::start(elsewhere.server.address(), |_, request| {
        let params = &request["params"];
        let is_data = params["request_type"] == "view_state";
        if is_data && params["account_id"] == LARGE {
            return Fault::Answer(
                200,
                "",
                r#"{"jsonrpc":"2.0","id":1,"error":{"name":"HANDLER_ERROR","cause":{"name":
                "TOO_LARGE_CONTRACT_STATE","info":{}},"code":-32000,"message":"Server error"}}"#,
            );
        }
        Fault::None
    });
    let remote = elsewhere.read_by(client(&[older.url()]));
    assert!(matches!(remote.small_data(&id(SMALL)), Ok(SmallData::All(_))));
    assert_eq!(remote.small_data(&id(LARGE)), Ok(SmallData::TooLarge));
    let error = remote.datum(&id(LARGE), &key(1)).unwrap_err();
    assert_eq!(error, RemoteError::TooLarge { account_id: id(LARGE) });
    assert!(error.to_string().contains("use an endpoint with nearcore 2.13 or later"), "{error}");
    let here = elsewhere.node.view();
    let whole = remote.records(&id(LARGE), sandboxd::remote::Parts::default(), here.runtime());
    assert_eq!(whole, Err(error));
}

#[test]
fn blocks_that_are_not_there_are_said_to_be() {
    let elsewhere = Elsewhere::start();
    let unknown = Remote::at(client(&[elsewhere.url()]).into(), BlockPin::Height(1_000_000));
    assert!(matches!(unknown, Err(RemoteError::UnknownBlock { .. })), "{unknown:?}");
    let pin: Result<BlockPin, _> = "latest block".parse();
    assert_eq!(
        pin.unwrap_err().to_string(),
        "`latest block` names no block: give a height, a hash, or `final`"
    );
    for url in ["", "ftp://example.com", "example.com", "file:///etc/passwd", "http://"] {
        let error = Client::new([url], ClientOptions::default()).unwrap_err();
        assert!(matches!(error, RemoteError::InvalidEndpoint { .. }), "{url}: {error}");
    }
    let none: [&str; 0] = [];
    assert!(Client::new(none, ClientOptions::default()).is_err());
}
