//! Delivery: one worker a stream, which reads its source, fills buffers, puts objects and then moves the checkpoint.
//!
//! What is buffered lives in memory alone; the source keeps it until the checkpoint has passed it. A crash, an error or
//! a stop therefore only means that delivery reads on from the checkpoint: at least once, never less.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use millpond_core::{Clock, Timestamp};
use millpond_gateway::{Caller, RoleError, Roles};
use millpond_glue::Glue;
use millpond_kinesis::Kinesis;
use millpond_s3::{PutOptions, S3};
use millpond_wire::ApiError;
use millpond_work::{Pass, WorkError, Worker};
use tokio::sync::Mutex;

use crate::buffer::{Buffer, Buffers, Target};
use crate::failure::{ErrorOutputType, TableName};
use crate::lanes::Lanes;
use crate::memory::{Memory, Share};
use crate::model::{Source, State, Stream};
use crate::object::{Conversion, Made, Origin, make};
use crate::plan::{ConversionPlan, Plan};
use crate::process::{PARTITION_LIMIT, failed, route};
use crate::record::Stamp;
use crate::roles::errand;
use crate::source::inbox::Inboxes;
use crate::source::{Batch, inbox, kinesis};
use crate::store::StreamStore;
use crate::troubles::Troubles;

/// How much one pass reads from a lane.
const READ: usize = 4 << 20;
/// Objects that one stream puts at once.
const PUTS: usize = 4;
/// How often a Kinesis stream is looked at when nothing came.
const POLL: Duration = Duration::from_millis(500);
const IDLE: Duration = Duration::from_secs(60);

/// What every delivery works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub store: StreamStore,
    pub inboxes: Inboxes,
    pub clock: Clock,
    pub kinesis: Arc<Kinesis>,
    pub glue: Glue,
    pub s3: S3,
    pub roles: Arc<dyn Roles>,
    pub memory: Memory,
    pub troubles: Troubles,
}

/// The delivery of one stream.
pub struct Delivery {
    name: String,
    stream: Stream,
    context: Context,
    progress: Mutex<Option<Progress>>,
}

/// What is in memory between two passes.
struct Progress {
    /// The stream as its configuration was when the buffers were opened.
    stream: Stream,
    plan: Arc<Plan>,
    buffers: Buffers,
    lanes: Lanes,
    share: Share,
}

impl Delivery {
    pub fn new(stream: Stream, context: Context) -> Self {
        let name = format!("firehose.delivery {}", stream.arn());
        Self { name, stream, context, progress: Mutex::new(None) }
    }

    fn clock(&self) -> &Clock {
        &self.context.clock
    }

    /// One of the stream's roles, with what it may do now.
    fn caller(&self, role: &str) -> Result<Caller, RoleError> {
        self.context.roles.assume(role, &errand(&self.stream.arn(), &self.stream.scope))
    }

    async fn begin(&self, stream: &Stream) -> Result<Progress, WorkError> {
        let plan = Arc::new(Plan::new(&stream.destination)?);
        let checkpoints = self.context.store.checkpoints(stream.id)?;
        let buffers = Buffers::new(plan.hints);
        let share = self.context.memory.share();
        Ok(Progress { stream: stream.clone(), plan, buffers, lanes: Lanes::resume(checkpoints), share })
    }

    /// The batches that can be read now.
    async fn read(&self, progress: &Progress) -> Result<Vec<Batch>, WorkError> {
        match &progress.stream.source {
            Source::DirectPut => {
                let inbox = self.context.inboxes.open(progress.stream.id).await?;
                let place = progress.lanes.place(inbox::LANE);
                let read = tokio::task::spawn_blocking(move || inbox.read(place.as_deref(), READ)).await??;
                Ok(read.into_iter().collect())
            }
            Source::Kinesis { stream, role, since } => {
                let place = |lane: &str| progress.lanes.place(lane);
                let caller = self.caller(role)?;
                kinesis::read(&self.context.kinesis, &caller, stream, *since, place, READ).await
            }
        }
    }

    /// Puts every due buffer's object; those that could not be put stay due.
    async fn put_due(&self, progress: &mut Progress) -> Result<(), WorkError> {
        let due: Vec<(usize, Target, Arc<Buffer>)> = progress
            .buffers
            .due()
            .iter()
            .enumerate()
            .map(|(place, (target, buffer))| (place, target.clone(), Arc::clone(buffer)))
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let conversion = match &progress.plan.conversion {
            Some(settings) => Some(Arc::new(self.conversion(&progress.stream, settings)?)),
            None => None,
        };
        let caller = self.caller(&progress.stream.destination.role)?;
        let puts = due.into_iter().map(|(place, target, buffer)| {
            let (plan, conversion) = (Arc::clone(&progress.plan), conversion.clone());
            let made = self.put_one(&progress.stream, &caller, plan, conversion, target, Arc::clone(&buffer));
            async move { (place, buffer, made.await) }
        });
        let outcomes: Vec<_> = futures::stream::iter(puts).buffer_unordered(PUTS).collect().await;
        let (mut settled, mut misfits, mut failure) = (Vec::new(), Vec::new(), None);
        for (place, buffer, outcome) in outcomes {
            match outcome {
                Ok(made) => {
                    settled.push(place);
                    misfits.extend(made.into_iter().map(|misfit| (misfit, buffer.oldest_batch())));
                }
                Err(error) => failure = Some(error),
            }
        }
        // The error records take the place of their buffer before it is settled, so that the checkpoint waits for them.
        let failed_target = Target::Failed(ErrorOutputType::FormatConversionFailed);
        let now = self.clock().now();
        for ((line, stamp), batch) in misfits {
            progress.buffers.append(&failed_target, [&line, b""], stamp, now, batch)?;
        }
        progress.buffers.settle(&settled);
        failure.map_or(Ok(()), Err)
    }

    async fn put_one(
        &self,
        stream: &Stream,
        caller: &Caller,
        plan: Arc<Plan>,
        conversion: Option<Arc<Conversion>>,
        target: Target,
        buffer: Arc<Buffer>,
    ) -> Result<Vec<(Vec<u8>, Stamp)>, WorkError> {
        let (name, version, now) = (stream.name.clone(), stream.version, self.clock().now());
        let made = tokio::task::spawn_blocking(move || {
            let origin = Origin { name: &name, version };
            make(&plan, &origin, conversion.as_deref(), (&target, &buffer), now)
        });
        let Made { object, misfits } = made.await??;
        if let Some(object) = object {
            let options = PutOptions {
                content_type: Some("application/octet-stream".to_owned()),
                ..PutOptions::default()
            };
            let bucket = &stream.destination.bucket;
            let put = self.context.s3.put(caller, bucket, &object.key, object.body, options);
            put.await.map_err(ApiError::from)?;
        }
        Ok(misfits)
    }

    /// The schema as the table has it now.
    fn conversion(&self, stream: &Stream, settings: &ConversionPlan) -> Result<Conversion, WorkError> {
        let schema = &settings.schema;
        let caller = self.caller(schema.role.as_ref().unwrap_or(&stream.destination.role))?;
        let table =
            self.context.glue.table(&caller, &schema.database, &schema.table).map_err(ApiError::from)?;
        let columns =
            table.spec.columns().iter().map(|column| (column.name.as_str(), column.hive_type.as_str()));
        let converter = crate::convert::Converter::new(columns, settings.deserializer.clone())?;
        let scope = &stream.scope;
        Ok(Conversion {
            converter,
            table: TableName {
                catalog_id: schema.catalog.clone().unwrap_or_else(|| scope.account.to_string()),
                database_name: schema.database.clone(),
                table_name: schema.table.clone(),
                region: schema.region.clone().unwrap_or_else(|| scope.region.to_string()),
                version_id: table.version.to_string(),
            },
        })
    }

    /// Makes the checkpoints durable that may move, and gives the journal's space back.
    async fn settle(&self, progress: &mut Progress) -> Result<(), WorkError> {
        let moved = progress.lanes.advance(progress.buffers.oldest_batch());
        if moved.is_empty() {
            return Ok(());
        }
        let delivered = moved.get(inbox::LANE).cloned();
        self.context.store.save_checkpoints(progress.stream.id, moved).await?;
        if let (Some(place), Source::DirectPut) = (delivered, &progress.stream.source) {
            let inbox = self.context.inboxes.open(progress.stream.id).await?;
            tokio::task::spawn_blocking(move || inbox.reclaim(&place)).await??;
        }
        Ok(())
    }

    /// Delivers what is buffered, whatever its age.
    async fn flush(&self, progress: &mut Progress) -> Result<(), WorkError> {
        // A flush may leave error records behind, which a second round delivers.
        while !progress.buffers.is_empty() {
            progress.buffers.expire(self.clock().now(), true);
            self.put_due(progress).await?;
        }
        self.settle(progress).await
    }

    /// Ends a stream that is DELETING: what waits is delivered if that can be done, and then everything goes.
    async fn end(&self, stream: &Stream, progress: &mut Option<Progress>) -> Result<Pass, WorkError> {
        if let Some(progress) = progress.as_mut()
            && let Err(error) = self.flush(progress).await
        {
            tracing::warn!(stream = %stream.arn(), error, "a deleted delivery stream leaves records undelivered");
        }
        *progress = None;
        self.context.inboxes.remove(stream.id).await?;
        self.context.store.remove(stream).await?;
        Ok(Pass::Done)
    }
}

impl Progress {
    /// Puts the records of a batch into buffers.
    async fn take(&mut self, batch: Batch, now: Timestamp) -> Result<(), WorkError> {
        let Batch { lane, end, records } = batch;
        let number = self.lanes.read(&lane, end);
        let plan = Arc::clone(&self.plan);
        let routed = tokio::task::spawn_blocking(move || route(&plan, &records, now)).await??;
        let delimiter: &[u8] = if self.plan.conversion.is_some() { b"" } else { &self.plan.delimiter };
        for piece in routed {
            let after = if matches!(piece.target, Target::Data(_)) { delimiter } else { b"" };
            let appended = self.buffers.append(&piece.target, [&piece.data, after], piece.stamp, now, number);
            if let Err(full) = appended {
                let line = failed(piece.stamp, &piece.data, PARTITION_LIMIT, &full, now);
                self.buffers.append(&line.target, [&line.data, b""], line.stamp, now, number)?;
            }
        }
        self.share.set(self.buffers.weight());
        Ok(())
    }
}

impl Worker for Delivery {
    fn name(&self) -> &str {
        &self.name
    }

    fn interval(&self) -> Duration {
        IDLE
    }

    async fn pass(&self) -> Result<Pass, WorkError> {
        let outcome = self.attempt().await;
        self.context.troubles.note(self.stream.id, outcome.as_ref().err());
        outcome
    }
}

impl Delivery {
    async fn attempt(&self) -> Result<Pass, WorkError> {
        let Stream { scope, name, id, .. } = &self.stream;
        let mut guard = self.progress.lock().await;
        let Some(mut stream) = self.context.store.find(scope, name)?.filter(|found| found.id == *id) else {
            return Ok(Pass::Done);
        };
        match stream.state {
            State::Deleting => return self.end(&stream, &mut guard).await,
            State::Active => {}
            State::Creating => {
                let made = |stream: &mut Stream| {
                    stream.state = if stream.state == State::Creating { State::Active } else { stream.state };
                    Ok(())
                };
                stream = self.context.store.change(scope, name, made).await?;
            }
        }
        if let Some(progress) = guard.as_mut()
            && progress.stream.version != stream.version
        {
            // If the old destination cannot take what is buffered, the new one gets it: read again from the checkpoint.
            if let Err(error) = self.flush(progress).await {
                tracing::warn!(stream = %stream.arn(), error, "what was buffered goes to the new destination");
            }
            *guard = None;
        }
        if guard.is_none() {
            *guard = Some(self.begin(&stream).await?);
        }
        let Some(progress) = guard.as_mut() else { return Ok(Pass::MoreToDo) };
        self.deliver(progress).await
    }

    /// Reads what there is, and puts what is due.
    async fn deliver(&self, progress: &mut Progress) -> Result<Pass, WorkError> {
        let mut read_any = false;
        if progress.share.may_grow() {
            for batch in self.read(progress).await? {
                read_any = true;
                progress.take(batch, self.clock().now()).await?;
            }
        }
        // When all streams together hold too much, buffers go out before their time.
        let early = !progress.share.may_grow();
        progress.buffers.expire(self.clock().now(), early);
        let put = self.put_due(progress).await;
        progress.share.set(progress.buffers.weight());
        self.settle(progress).await?;
        put?;
        if read_any || !progress.buffers.due().is_empty() {
            return Ok(Pass::MoreToDo);
        }
        let now = self.clock().now();
        let polled = match progress.stream.source {
            Source::DirectPut => now.plus(IDLE),
            Source::Kinesis { .. } => now.plus(POLL),
        };
        Ok(Pass::At(progress.buffers.next_expiry().map_or(polled, |expiry| expiry.min(polled))))
    }
}
