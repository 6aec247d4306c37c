//! The one thread that writes: it takes every waiting transaction, runs them one after the other against one redb
//! transaction, makes them durable with one commit, and answers them all.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::Database;
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::file::{Holder, begin};
use crate::format::DATA;
use crate::txn::{Hook, Txn};

/// Transactions that wait for the committer; a writer beyond that waits for a place.
pub(crate) const QUEUE_TRANSACTIONS: usize = 1024;

/// A batch ends at this many transactions or bytes written, so that the first of it is not kept waiting.
const BATCH_TRANSACTIONS: usize = 1024;
const BATCH_BYTES: usize = 16 << 20;

pub(crate) enum Message {
    Run(Box<dyn Job>),
    /// A reader met an I/O error.
    Mend,
    Close(oneshot::Sender<()>),
}

/// A transaction whose types are hidden.
pub(crate) trait Job: Send {
    /// Runs the closure, once; whether what it wrote is to be kept.
    fn run(&mut self, txn: &mut Txn<'_>) -> bool;
    /// Answers its caller, once the batch is durable or has failed.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// What a closure did: gave a result, or panicked; the panic goes on in its caller.
pub(crate) type Ran<T, E> = Result<Result<T, E>, Box<dyn Any + Send>>;

pub(crate) struct Transaction<F, T, E> {
    closure: Option<F>,
    ran: Option<Ran<T, E>>,
    reply: oneshot::Sender<Ran<T, E>>,
}

impl<F, T, E> Transaction<F, T, E> {
    pub(crate) fn new(closure: F, reply: oneshot::Sender<Ran<T, E>>) -> Self {
        Self { closure: Some(closure), ran: None, reply }
    }
}

impl<F, T, E> Job for Transaction<F, T, E>
where
    F: FnOnce(&mut Txn<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, txn: &mut Txn<'_>) -> bool {
        let Some(closure) = self.closure.take() else { return false };
        let ran = catch_unwind(AssertUnwindSafe(|| closure(txn)));
        let keep = matches!(ran, Ok(Ok(_)));
        self.ran = Some(ran);
        keep
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        // Also a closure's own error is only true once the transactions before it, which it saw, are durable.
        let ran = match (outcome, self.ran) {
            (Ok(()), Some(ran)) => ran,
            (Ok(()), None) => Ok(Err(StoreError::Unavailable.into())),
            (Err(error), _) => Ok(Err(error.into())),
        };
        // A caller that is gone wants no answer.
        let _gone = self.reply.send(ran);
    }
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) transactions: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) failures: AtomicU64,
}

pub(crate) struct Committer {
    pub(crate) holder: Arc<Holder>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) queue: mpsc::Receiver<Message>,
}

impl Committer {
    /// Works until the store is closed or its last handle is dropped.
    pub(crate) fn run(mut self) {
        let mut next = self.queue.blocking_recv();
        let mut closing = None;
        while let Some(message) = next.take() {
            match message {
                Message::Run(first) => next = self.commit_batch(first),
                Message::Mend => self.mend(),
                Message::Close(done) => {
                    // What was queued before is still done; nothing new comes in.
                    self.queue.close();
                    closing = Some(done);
                }
            }
            next = next.or_else(|| self.queue.blocking_recv());
        }
        self.holder.close();
        if let Some(done) = closing {
            let _gone = done.send(());
        }
    }

    /// Commits `first` and what waits behind it; gives back a message that is not a transaction.
    fn commit_batch(&mut self, first: Box<dyn Job>) -> Option<Message> {
        let mut jobs = Vec::new();
        let mut other = None;
        let holder = self.holder.clone();
        let (mut waiting, mut hooks) = (Some(first), Vec::new());
        let outcome = holder
            .with_writable(|database| self.commit(database, &mut waiting, &mut jobs, &mut hooks, &mut other));
        // Also after an error: what failed may be seen all the same.
        holder.changed();
        jobs.extend(waiting);
        self.counters.transactions.fetch_add(jobs.len() as u64, Ordering::Relaxed);
        if let Err(error) = &outcome {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                error = error as &dyn std::error::Error,
                transactions = jobs.len(),
                "a commit of the store failed"
            );
            if error.breaks_the_file() {
                self.mend();
            }
        } else {
            hooks.into_iter().for_each(|hook| hook());
        }
        for job in jobs {
            job.answer(outcome.clone());
        }
        other
    }

    fn commit(
        &mut self,
        database: &Database,
        waiting: &mut Option<Box<dyn Job>>,
        jobs: &mut Vec<Box<dyn Job>>,
        hooks: &mut Vec<Hook>,
        other: &mut Option<Message>,
    ) -> Result<(), StoreError> {
        let batch = begin(database)?;
        let mut written = 0;
        {
            let mut table = batch.open_table(DATA)?;
            while let Some(mut job) = waiting.take() {
                let mut txn = Txn::new(&table);
                let keep = job.run(&mut txn);
                let (writes, bytes, wanted) = txn.into_parts();
                jobs.push(job);
                if keep {
                    written += bytes;
                    hooks.extend(wanted);
                    for (key, value) in writes {
                        match value {
                            Some(value) => drop(table.insert(key.as_slice(), value.as_slice())?),
                            None => drop(table.remove(key.as_slice())?),
                        }
                    }
                }
                if jobs.len() < BATCH_TRANSACTIONS && written < BATCH_BYTES {
                    match self.queue.try_recv() {
                        Ok(Message::Run(job)) => *waiting = Some(job),
                        Ok(message) => *other = Some(message),
                        Err(_) => {}
                    }
                }
            }
        }
        if written == 0 {
            return Ok(batch.abort()?);
        }
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        Ok(batch.commit()?)
    }

    fn mend(&self) {
        if let Err(error) = self.holder.mend() {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the store cannot be opened again for writing; the next write tries once more"
            );
        }
    }
}
