//! `GET /ws`: subscriptions over a WebSocket, which neard does not have.
//!
//! There is no queue that could overflow: a socket remembers how far it has told the blocks and walks
//! the chain from there, so that a slow reader is late but misses nothing. One
//! that takes nothing at all is closed.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, StatusCode};
use hyper::body::{Bytes, Incoming};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use near_jsonrpc_primitives::errors::RpcError;
use serde_json::Value;
use tokio::time::{interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::envelope;
use super::http::{Response, Server, text};
use super::outgoing::Outgoing;
use super::params;
use super::places::Place;
use super::subscription::{Subscription, Unsubscribe};
use crate::chain::{Block, Chain, Cursor};

/// Requests are short; a client has no reason to send more.
const LONGEST_MESSAGE_BYTES: usize = 1 << 16;

/// Answers the handshake. The socket keeps the connection's place.
pub(super) fn open(
    server: Arc<Server>,
    mut request: Request<Incoming>,
    place: Arc<Place>,
) -> Response {
    let response = match create_response_with_body(&request, Outgoing::default) {
        Ok(response) => response,
        Err(error) => {
            return text(StatusCode::UPGRADE_REQUIRED, format!("/ws is for WebSockets: {error}"));
        }
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let _place = place;
        let ended = match upgrade.await {
            Ok(connection) => Socket::new(server, connection).await.serve().await,
            Err(error) => Err(Error::Io(std::io::Error::other(error))),
        };
        if let Err(error) = ended {
            tracing::debug!(target: "rpc", %error, "a WebSocket ended early");
        }
    });
    response
}

struct Socket {
    server: Arc<Server>,
    stream: WebSocketStream<TokioIo<Upgraded>>,
    subscriptions: BTreeMap<u64, (Subscription, Place)>,
    last_id: u64,
    /// The blocks that the client was told of.
    told: Cursor,
}

enum Event {
    Message(Option<Result<Message, Error>>),
    Block(Option<(Arc<Chain>, Arc<Block>)>),
    Check,
}

impl Socket {
    async fn new(server: Arc<Server>, connection: Upgraded) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LONGEST_MESSAGE_BYTES))
            .max_frame_size(Some(LONGEST_MESSAGE_BYTES));
        let connection = TokioIo::new(connection);
        let stream = WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await;
        Self { server, stream, subscriptions: BTreeMap::new(), last_id: 0, told: Cursor::default() }
    }

    /// Answers and tells until one side closes.
    async fn serve(mut self) -> Result<(), Error> {
        let socket_timeout = self.server.limits().socket_timeout;
        let mut check = interval(socket_timeout.checked_div(2).unwrap_or(socket_timeout));
        check.reset();
        let mut heard = true;
        loop {
            let Self { server, stream, subscriptions, told, .. } = &mut self;
            let event = tokio::select! {
                biased;
                message = stream.next() => Event::Message(message),
                block = next_block(server, told), if !subscriptions.is_empty() => {
                    Event::Block(block)
                }
                _ = check.tick() => Event::Check,
            };
            match event {
                Event::Message(Some(message)) => {
                    heard = true;
                    self.hear(message?).await?;
                }
                Event::Block(Some((chain, block))) => self.tell(&chain, &block).await?,
                Event::Check if heard => {
                    heard = false;
                    self.send(Message::Ping(Bytes::new())).await?;
                }
                // Closed by the client, or gone without a word, or there are no more blocks.
                Event::Message(None) | Event::Check => return Ok(()),
                Event::Block(None) => return self.stream.close(None).await,
            }
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), Error> {
        let message = match &message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            // Answered by the library.
            _ => return Ok(()),
        };
        let read = envelope::Request::parse(message).and_then(|request| {
            let params = request.params_value().map_err(|_| envelope::refusal(message))?;
            Ok((request, params))
        });
        let answer = match read {
            Ok((request, params)) => match self.call(&request.method, params) {
                Ok(result) => envelope::result_body(&result, &request.id),
                Err(error) => envelope::error_body(&error, &request.id),
            },
            Err(error) => envelope::error_body(&error, &Value::Null),
        };
        let answer = Utf8Bytes::try_from(answer)?;
        self.send(Message::Text(answer)).await
    }

    fn call(&mut self, method: &str, params: Value) -> Result<Value, RpcError> {
        match method {
            "subscribe" => self.subscribe(params).map(Value::from),
            "unsubscribe" => {
                let Unsubscribe { subscription } = params::parse(params)?;
                Ok(Value::from(self.subscriptions.remove(&subscription).is_some()))
            }
            other => Err(RpcError::method_not_found(other.to_owned())),
        }
    }

    fn subscribe(&mut self, params: Value) -> Result<u64, RpcError> {
        let read = self.server.api.chain().cursor();
        let subscription = Subscription::new(params::parse(params)?, read)?;
        let most = self.server.limits().max_subscriptions;
        let place = self.server.subscriptions().take();
        let Some(place) = place.filter(|_| self.subscriptions.len() < most) else {
            return Err(RpcError::parse_error(format!(
                "a WebSocket has at most {most} subscriptions: open another one"
            )));
        };
        if self.subscriptions.is_empty() {
            self.told = read;
        }
        self.last_id = self.last_id.saturating_add(1);
        self.subscriptions.insert(self.last_id, (subscription, place));
        Ok(self.last_id)
    }

    /// Sends what each subscription has to say of the block.
    async fn tell(&mut self, chain: &Chain, block: &Arc<Block>) -> Result<(), Error> {
        let mut messages = Vec::new();
        for (id, (subscription, _place)) in &self.subscriptions {
            messages.extend(subscription.notices(*id, block, chain));
        }
        for message in messages {
            let message = message.map_err(|error| Error::Io(error.into()))?;
            self.send(Message::Text(message.into())).await?;
        }
        self.told.advance(chain, block.height());
        Ok(())
    }

    /// Sends a message to a client that takes it in time.
    async fn send(&mut self, message: Message) -> Result<(), Error> {
        let sent = timeout(self.server.limits().socket_timeout, self.stream.send(message)).await;
        sent.unwrap_or_else(|_elapsed| Err(Error::Io(std::io::ErrorKind::TimedOut.into())))
    }
}

/// The next block to tell, when it is there, and the chain that it is of; `None` if there will be
/// none.
async fn next_block(server: &Server, told: &mut Cursor) -> Option<(Arc<Chain>, Arc<Block>)> {
    loop {
        let chain = server.api.chain();
        let next = chain.blocks_since(*told).next().map(Arc::clone);
        if let Some(block) = next {
            return Some((chain, block));
        }
        *told = chain.cursor();
        server.api.node.after(chain.head().hash()).await?;
    }
}
