//! Telling long work to end.

use std::{fmt, sync::Arc};

use crate::ErrorKind;

/// Asked by long work, every so often, whether it is still wanted. The default never ends anything.
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<dyn Fn() -> Option<ErrorKind> + Send + Sync>>);

/// The work was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped: {kind}")]
pub struct Stopped {
    /// Why: [`ErrorKind::Timeout`] or [`ErrorKind::Canceled`].
    pub kind: ErrorKind,
}

impl Stop {
    /// What `reason` says, whenever it is asked: nothing, or why the work is to end.
    pub fn new(reason: impl Fn() -> Option<ErrorKind> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(reason)))
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`Stopped`], when the work is to end.
    pub fn check(&self) -> Result<(), Stopped> {
        let reason = self.0.as_ref().and_then(|reason| reason());
        reason.map_or(Ok(()), |kind| Err(Stopped { kind }))
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.check().err().map(|stopped| stopped.kind)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_goes_on_until_there_is_a_reason() {
        assert_eq!(Stop::default().check(), Ok(()));
        assert_eq!(Stop::new(|| None).check(), Ok(()));
        let stop = Stop::new(|| Some(ErrorKind::Timeout));
        assert_eq!(stop.clone().check(), Err(Stopped { kind: ErrorKind::Timeout }));
        assert_eq!(format!("{stop:?}"), "Stop(Some(Timeout))");
    }
}
