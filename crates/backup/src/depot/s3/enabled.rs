//! Objects in a bucket of an S3 server.
//!
//! Endpoint and credentials come from the usual variables of the environment: `AWS_ENDPOINT_URL`,
//! `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and so on. An endpoint
//! that begins with `http://` is spoken to without TLS.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt};
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
};
use tokio::runtime::{Builder, Runtime};

use crate::{
    BackupError,
    depot::{Depot, Object},
};

/// Bytes of one part of a large object; smaller objects are put at once. S3 takes 10,000 parts.
const PART_BYTES: usize = 16 << 20;
/// Parts of one object on their way at once.
const PARTS_AT_ONCE: usize = 4;
/// How long a request is tried again.
const RETRY_FOR: Duration = Duration::from_secs(60);

/// Opens a bucket. Nothing is asked of the server yet.
pub(crate) fn open(bucket: &str, prefix: &str) -> Result<Box<dyn Depot>, BackupError> {
    Ok(Box::new(S3Depot::from_env(bucket, prefix)?))
}

/// Keeps objects in a bucket.
#[derive(Debug)]
struct S3Depot {
    store: Arc<AmazonS3>,
    runtime: Runtime,
    bucket: String,
    prefix: String,
}

impl S3Depot {
    /// The objects of a bucket whose keys begin with a prefix.
    fn from_env(bucket: &str, prefix: &str) -> Result<Self, BackupError> {
        let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
        let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let builder = if is_plain { builder.with_allow_http(true) } else { builder };
        let retry = RetryConfig { retry_timeout: RETRY_FOR, ..RetryConfig::default() };
        let store = builder.with_retry(retry).build();
        let store = store.map_err(|source| BackupError::Location {
            text: format!("s3://{bucket}/{prefix}"),
            reason: source.to_string(),
        })?;
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Ok(Self {
            store: Arc::new(store),
            runtime: runtime.map_err(BackupError::Threads)?,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    fn path(&self, key: &str) -> Path {
        Path::from(format!("{}/{key}", self.prefix))
    }

    fn failed(&self, action: &'static str, key: &str) -> impl FnOnce(Error) -> BackupError {
        let object = self.name_of(key);
        move |source| BackupError::Store { action, object, source: Box::new(source) }
    }

    /// Puts a large object in parts. One that cannot be completed is given up.
    async fn put_parts(&self, path: &Path, bytes: &[u8], sent: &dyn Fn(u64)) -> Result<(), Error> {
        let mut upload = self.store.put_multipart(path).await?;
        let mut parts = futures_util::stream::FuturesUnordered::new();
        let mut result = Ok(());
        for part in bytes.chunks(PART_BYTES) {
            if parts.len() == PARTS_AT_ONCE
                && let Some(Err(error)) = parts.next().await
            {
                result = Err(error);
                break;
            }
            let put = upload.put_part(PutPayload::from(part.to_vec()));
            let len = part.len() as u64;
            parts.push(async move { put.await.map(|()| sent(len)) });
        }
        while let Some(part) = parts.next().await {
            result = result.and(part);
        }
        drop(parts);
        let result = match result {
            Ok(()) => upload.complete().await.map(|_| ()),
            Err(error) => Err(error),
        };
        if result.is_err() {
            // The first error is the one to tell.
            let _ = upload.abort().await;
        }
        result
    }
}

impl Depot for S3Depot {
    fn put(&self, key: &str, bytes: &[u8], sent: &dyn Fn(u64)) -> Result<(), BackupError> {
        let path = self.path(key);
        let put = async {
            if bytes.len() > PART_BYTES {
                return self.put_parts(&path, bytes, sent).await;
            }
            self.store.put(&path, PutPayload::from(bytes.to_vec())).await?;
            sent(bytes.len() as u64);
            Ok(())
        };
        self.runtime.block_on(put).map_err(self.failed("put", key))
    }

    fn put_new(&self, key: &str, bytes: &[u8]) -> Result<bool, BackupError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let payload = PutPayload::from(bytes.to_vec());
        let path = self.path(key);
        let put = self.store.put_opts(&path, payload, options);
        match self.runtime.block_on(put) {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.failed("put", key)(error)),
        }
    }

    fn read(
        &self,
        key: &str,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), BackupError>,
    ) -> Result<bool, BackupError> {
        let path = self.path(key);
        let mut stream = match self.runtime.block_on(self.store.get(&path)) {
            Ok(found) => found.into_stream(),
            Err(Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(self.failed("get", key)(error)),
        };
        while let Some(piece) = self.runtime.block_on(stream.next()) {
            sink(&piece.map_err(self.failed("get", key))?)?;
        }
        Ok(true)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>, BackupError> {
        let path = self.path(prefix);
        let listed = self.store.list(Some(&path)).try_collect::<Vec<_>>();
        let listed = self.runtime.block_on(listed).map_err(self.failed("list", prefix))?;
        let root = self.path("");
        let mut found: Vec<Object> = listed
            .into_iter()
            .filter_map(|object| {
                let parts: Vec<_> = object.location.prefix_match(&root)?.collect();
                let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
                Some(Object { key: parts.join("/"), bytes: object.size })
            })
            .collect();
        found.sort();
        Ok(found)
    }

    fn delete(&self, key: &str) -> Result<(), BackupError> {
        match self.runtime.block_on(self.store.delete(&self.path(key))) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("delete", key)(error)),
        }
    }

    /// Uploads in parts that were never completed are for the bucket's own lifecycle rules: they are no
    /// objects, and cannot be listed in this way.
    fn sweep(&self) -> Result<(), BackupError> {
        Ok(())
    }

    fn name(&self) -> String {
        let Self { bucket, prefix, .. } = self;
        if prefix.is_empty() { format!("s3://{bucket}") } else { format!("s3://{bucket}/{prefix}") }
    }
}
