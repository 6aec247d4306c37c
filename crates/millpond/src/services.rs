//! The list of services: the one place that names them all.

use std::sync::Arc;

use anyhow::Context as _;
use millpond_athena::Athena;
use millpond_blob::{BlobOptions, Blobs};
use millpond_cloudtrail::CloudTrail;
use millpond_firehose::Firehose;
use millpond_gateway::record::Recorder;
use millpond_gateway::{Messages, Roles, ServiceTable, Services};
use millpond_glue::Glue;
use millpond_iam::Iam;
use millpond_kinesis::Kinesis;
use millpond_kms::Kms;
use millpond_s3::{S3, S3Http, S3Settings};
use millpond_sts::{Issuers, Sts};

use crate::data::OBJECTS;
use crate::pond::Foundation;
use crate::zones::ZoneWatch;

/// Opens every service over its part of the pond.
pub fn open(foundation: &Foundation<'_>) -> anyhow::Result<Services> {
    let Foundation { access, keys, dir, root_key, clock, settings, store, tasks } = foundation;
    let iam = Iam::open(millpond_iam::Deps { store: store.clone(), root_key, clock: clock.clone(), tasks });
    let issuers = Issuers::open(&settings.sts, &settings.data).context("opening STS")?;
    let messages = Arc::new(Messages::new(root_key));
    let sts = Arc::new(Sts::open(millpond_sts::Deps {
        store: store.clone(),
        iam: iam.clone(),
        root_key,
        clock: clock.clone(),
        access,
        issuers,
        messages: Arc::clone(&messages),
    }));
    keys.stand_on(Arc::clone(&sts));
    let roles = Arc::clone(&sts) as Arc<dyn Roles>;
    let kms = Kms::open(millpond_kms::Deps { store: store.clone(), root_key, clock: clock.clone(), tasks });
    let kinesis = Kinesis::open(millpond_kinesis::Deps {
        store: store.clone(),
        journal: dir.join("kinesis"),
        key: (*root_key).clone(),
        clock: clock.clone(),
        tasks: tasks.clone(),
        settings: settings.kinesis.clone(),
    })
    .context("opening Kinesis")?;
    let options = BlobOptions {
        zones: settings.zones(),
        check_bytes_per_second: settings.storage.check_bytes.as_u64(),
        ..BlobOptions::default()
    };
    let blobs =
        Blobs::open(&dir.join(OBJECTS), root_key, clock.clone(), options).context("opening the objects")?;
    tasks.worker(ZoneWatch(blobs.clone()));
    let s3 = S3::open(millpond_s3::Deps {
        store: store.clone(),
        blobs,
        kms: kms.clone(),
        root_key,
        clock: clock.clone(),
        tasks,
        settings: S3Settings { check_days: settings.storage.check_days, ..settings.s3.clone() },
    })
    .context("opening S3")?;
    let s3_counters = s3.counters();
    let s3_http = S3Http::new(&s3, (*access).clone(), settings.region.clone());
    let glue = Glue::open(millpond_glue::Deps {
        store: store.clone(),
        s3: s3.clone(),
        roles: Arc::clone(&roles),
        clock: clock.clone(),
        tasks,
    });
    let firehose = Firehose::open(millpond_firehose::Deps {
        store: store.clone(),
        journals: dir.join("firehose"),
        key: (*root_key).clone(),
        clock: clock.clone(),
        tasks: tasks.clone(),
        kinesis: Arc::clone(&kinesis),
        glue: glue.clone(),
        s3: s3.clone(),
        roles,
    })
    .context("opening Firehose")?;
    let athena = Athena::open(millpond_athena::Deps {
        store: store.clone(),
        glue: glue.clone(),
        s3: s3.clone(),
        clock: clock.clone(),
        tasks: tasks.clone(),
        spill_dir: dir.join("spill"),
        settings: settings.athena.clone(),
    });
    let trail = CloudTrail::open(millpond_cloudtrail::Deps {
        store: store.clone(),
        kms: kms.clone(),
        s3: s3.clone(),
        clock: clock.clone(),
        tasks,
        settings: settings.cloudtrail.clone(),
    })
    .context("opening CloudTrail")?;
    let trail = Arc::new(trail);
    let services = Services::new().tasks(tasks.clone()).messages(messages);
    let services = services.recorder(Arc::clone(&trail) as Arc<dyn Recorder>);
    let services = s3_counters
        .into_iter()
        .fold(services, |services, (name, help, counter)| services.counter(name, help, counter));
    Ok(services
        .service(millpond_sts::operations(), sts)
        .service(millpond_athena::operations(), athena)
        .service(millpond_cloudtrail::operations(), trail)
        .service(millpond_firehose::operations(), firehose)
        .service(millpond_glue::operations(), Arc::new(glue))
        .service(millpond_iam::operations(), Arc::new(iam))
        .service(millpond_kinesis::operations(), kinesis)
        .service(millpond_kms::operations(), Arc::new(kms))
        .http_service(Arc::new(s3_http)))
}

/// Every service's table, without a pond to serve from.
pub fn tables() -> Vec<ServiceTable> {
    vec![
        millpond_athena::operations().table(),
        millpond_cloudtrail::operations().table(),
        millpond_firehose::operations().table(),
        millpond_glue::operations().table(),
        millpond_iam::operations().table(),
        millpond_kinesis::operations().table(),
        millpond_kms::operations().table(),
        millpond_s3::table(),
        millpond_sts::operations().table(),
    ]
}
