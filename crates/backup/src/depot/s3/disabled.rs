//! In the place of the client: says that this build has none.

use crate::{BackupError, Depot};

/// Refuses the bucket.
pub(crate) fn open(bucket: &str, prefix: &str) -> Result<Box<dyn Depot>, BackupError> {
    Err(BackupError::Location {
        text: format!("s3://{bucket}/{prefix}"),
        reason: "this build was made without the feature `s3`".to_owned(),
    })
}
