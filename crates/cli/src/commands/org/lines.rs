//! Lines to stderr from a thread of their own: whoever does not read them must not hold the org up.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use crate::output::Output;

/// The lines that are to be written. What is still to be written when it is dropped is, if that takes no second.
#[derive(Debug)]
pub(super) struct Lines {
    sender: SyncSender<Message>,
    ended: Receiver<()>,
}

enum Message {
    Line(String),
    End,
}

/// More lines than these wait for no reader: newer ones are lost.
const WAITING: usize = 10_000;

impl Lines {
    pub(super) fn new(out: Output) -> Self {
        let (sender, lines) = sync_channel(WAITING);
        let (end, ended) = sync_channel(1);
        thread::spawn(move || {
            while let Ok(Message::Line(line)) = lines.recv() {
                out.text_on_stderr(&line);
            }
            // Nobody may wait for it any more.
            let _ = end.send(());
        });
        Self { sender, ended }
    }

    /// What takes a line, from any thread, without waiting.
    pub(super) fn writer(&self) -> impl Fn(String) + Send + Sync + 'static {
        let sender = self.sender.clone();
        move |line| {
            let _ = sender.try_send(Message::Line(line));
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.sender.try_send(Message::End).is_ok() {
            let _ = self.ended.recv_timeout(Duration::from_secs(1));
        }
    }
}
