//! Objects in a bucket: the client, or in a build without the feature `s3` a refusal.

#[cfg(not(feature = "s3"))]
mod disabled;
#[cfg(feature = "s3")]
mod enabled;

#[cfg(not(feature = "s3"))]
pub(crate) use disabled::open;
#[cfg(feature = "s3")]
pub(crate) use enabled::open;
