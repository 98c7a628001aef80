//! The answer that one thread gives to another, once. It can be awaited by any async runtime or
//! waited for by a thread, so that the chain needs no async runtime and its users no polling.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use parking_lot::Mutex;

/// Makes an answer and the promise to give it.
pub fn answer<T>() -> (Promise<T>, Answer<T>) {
    let shared = Arc::new(Mutex::new(Slot { value: None, waker: None, open: true }));
    (Promise(Arc::clone(&shared)), Answer(shared))
}

/// An answer to come. It resolves to `None` if whoever promised it went away.
#[derive(Debug)]
pub struct Answer<T>(Arc<Mutex<Slot<T>>>);

/// The duty to answer. Dropped without an answer it says so to the other side.
#[derive(Debug)]
pub struct Promise<T>(Arc<Mutex<Slot<T>>>);

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
    open: bool,
}

impl<T> Promise<T> {
    /// Gives the answer.
    pub fn give(self, value: T) {
        self.0.lock().value = Some(value);
    }

    /// Whether nobody waits for the answer any more.
    pub fn is_forgotten(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = self.0.lock();
            slot.open = false;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Answer<T> {
    /// Blocks the thread until the answer is there.
    pub fn wait(mut self) -> Option<T> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(value) => return value,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.0.lock();
        if let Some(value) = slot.value.take() {
            return Poll::Ready(Some(value));
        }
        if !slot.open {
            return Poll::Ready(None);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn an_answer_reaches_a_waiting_thread() {
        let (promise, answer) = answer();
        let waiting = std::thread::spawn(move || answer.wait());
        promise.give(7);
        assert_eq!(waiting.join().expect("the thread does not panic"), Some(7));
    }

    #[test]
    fn a_broken_promise_ends_the_wait() {
        let (promise, answer) = answer::<u8>();
        let waiting = std::thread::spawn(move || answer.wait());
        drop(promise);
        assert_eq!(waiting.join().expect("the thread does not panic"), None);
    }

    #[test]
    fn a_promise_knows_when_nobody_waits() {
        let (promise, answer) = answer::<u8>();
        assert!(!promise.is_forgotten());
        drop(answer);
        assert!(promise.is_forgotten());
    }
}
