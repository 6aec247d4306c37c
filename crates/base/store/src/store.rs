//! The handle that services hold.

use std::fmt;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use millpond_core::ByteSize;
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::committer::{Committer, Counters, Message, QUEUE_TRANSACTIONS, Transaction};
use crate::file::{Device, Holder, OnDisk};
use crate::reads::Snapshot;
use crate::txn::Txn;

#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Memory for pages of the file; filled as pages are read and written.
    pub cache: ByteSize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache: ByteSize::mib(128) }
    }
}

/// What the committer has done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreStats {
    pub transactions: u64,
    /// Commits, each durable by itself; under load a commit holds many transactions.
    pub commits: u64,
    /// Commits that failed, each reported to all of its transactions.
    pub failures: u64,
}

/// The store. Cheap to clone; the file is closed when the last clone is dropped, or by [`Store::close`].
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    holder: Arc<Holder>,
    counters: Arc<Counters>,
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Message>>,
    committer: Option<JoinHandle<()>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({:?})", self.stats())
    }
}

impl Store {
    /// Opens the store in the file at `path`, or makes it.
    ///
    /// Errors: [`StoreError::InUse`] when another process (or another `Store`) has it, [`StoreError::NewerFormat`] when a newer
    /// version wrote it.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let cache_bytes = options.cache.as_usize();
        Self::on(Box::new(OnDisk { path: path.to_owned(), cache_bytes }))
    }

    pub(crate) fn on(device: Box<dyn Device>) -> Result<Self, StoreError> {
        let holder = Arc::new(Holder::open(device)?);
        let counters = Arc::new(Counters::default());
        let (sender, queue) = mpsc::channel(QUEUE_TRANSACTIONS);
        let committer = Committer { holder: holder.clone(), counters: counters.clone(), queue };
        let thread = std::thread::Builder::new().name("store-committer".into());
        let committer = Some(thread.spawn(move || committer.run())?);
        Ok(Self(Arc::new(Handle { holder, counters, queue: Some(sender), committer })))
    }

    /// A consistent view of what is committed now. Never waits for a writer.
    pub fn read(&self) -> Result<Snapshot, StoreError> {
        if self.0.holder.take_broken() {
            // A full queue has writers in it, and the first of them opens the file again as well.
            let _full = self.queue()?.try_send(Message::Mend);
        }
        self.0.holder.snapshot()
    }

    /// A number that is another one once anything was committed, or the file was opened again: while it stays, so does all that
    /// can be read. Asked before a read, it is never newer than what was read. In memory.
    pub fn version(&self) -> u64 {
        self.0.holder.version()
    }

    /// Runs `closure` as a serializable transaction: alone, after every transaction before it. When this returns `Ok`, what it
    /// wrote is on disk; when the closure returns `Err`, nothing of it is left behind.
    ///
    /// The closure runs on the committer's thread, which every writer waits for: it reads, checks and writes, and does nothing
    /// else. Once handed over it runs also when the returned future is dropped. A panic in it goes on in the caller.
    ///
    /// Errors: those of the closure; [`StoreError`] as `E` when the disk fails, and then the transaction may or may not have happened.
    pub async fn write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnOnce(&mut Txn<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Transaction::new(closure, reply));
        self.queue()?.send(Message::Run(job)).await.map_err(|_| StoreError::Closed)?;
        match answer.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(StoreError::Closed.into()),
        }
    }

    /// Finishes what is queued and closes the file; later calls answer [`StoreError::Closed`].
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if let Ok(queue) = self.queue()
            && queue.send(Message::Close(done)).await.is_ok()
        {
            // An error means that the committer is gone, and with it the file.
            let _closed = closed.await;
        }
    }

    pub fn stats(&self) -> StoreStats {
        let counters = &self.0.counters;
        StoreStats {
            transactions: counters.transactions.load(Ordering::Relaxed),
            commits: counters.commits.load(Ordering::Relaxed),
            failures: counters.failures.load(Ordering::Relaxed),
        }
    }

    fn queue(&self) -> Result<&mpsc::Sender<Message>, StoreError> {
        self.0.queue.as_ref().ok_or(StoreError::Closed)
    }
}

impl Drop for Handle {
    /// Waits for the committer, so that the file is closed when the last handle is gone.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(committer) = self.committer.take()
            // A closure may have held the last handle; the thread cannot wait for itself.
            && committer.thread().id() != std::thread::current().id()
            && committer.join().is_err()
        {
            tracing::error!("the store's committer panicked");
        }
    }
}
