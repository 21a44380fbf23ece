//! Mending the dictionary, and letting the log begin anew behind what can be replayed of it.

use std::{io, sync::Arc};

use timberline_io::{Disk, OverlayDisk};
use timberline_log::{LogError, checkpoint, metadata};
use timberline_model::{DuplicatePolicy, Labels, LogOffset, SeriesRef, limits};

use super::Repair;
use crate::{
    EngineError,
    columnar::{
        Engine,
        check::scratch_options,
        head::{Head, HeadOptions, SeriesPlace},
        manifest::Manifest,
        recovery::{Damage, recover},
        snapshot::begin_log,
    },
};

impl Repair<'_> {
    /// Puts the sound part of a damaged dictionary in its place, an empty one in that of a missing one.
    pub(super) fn dictionary(&mut self) -> Result<(), EngineError> {
        let disk = self.disk.as_ref();
        let manifest = Manifest::load(disk, &self.layout.manifests())?;
        let Some(offset) = manifest.and_then(|manifest| manifest.dictionary) else {
            return Ok(());
        };
        let dir = self.layout.dictionaries();
        let files = checkpoint::list(disk, &dir)?;
        let path = files.into_iter().find(|(found, _)| found.0 == offset).map(|(_, path)| path);
        let (mut entries, mut is_sound) = (Vec::new(), path.is_some());
        if let Some(path) = &path {
            let mut each = |series, labels| entries.push((series, labels));
            match checkpoint::read(disk, path, &mut each) {
                Ok(found) => is_sound = found.0 == offset,
                Err(LogError::Damaged { .. }) => {
                    entries.clear();
                    let mut each = |series, labels| entries.push((series, labels));
                    let damaged = checkpoint::salvage(disk, path, &mut each)?;
                    self.losses.push(format!(
                        "parts of the series dictionary {}, which is damaged in {damaged} places: \
                         samples that are only in the log, of series named there, go with them",
                        path.display()
                    ));
                    is_sound = false;
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            self.losses.push(format!(
                "the series dictionary at log offset {offset}, which is missing: samples that are \
                 only in the log, of series created before, go with it"
            ));
        }
        let count = entries.len();
        let consistent = consistent(entries);
        if is_sound && consistent.len() == count {
            return Ok(());
        }
        if let Some(path) = &path {
            self.quarantine.keep_file(path)?;
        }
        let count = consistent.len();
        let parts = checkpoint::parts_of(consistent);
        checkpoint::write(disk, &dir, LogOffset(offset), parts.into_iter())?;
        self.did(format!("wrote the series dictionary at log offset {offset} with {count} series"));
        Ok(())
    }

    /// Puts an empty file in the place of a damaged or missing one with the metadata of families: nothing
    /// in it can be read apart from the rest, and senders send it again.
    pub(super) fn metadata(&mut self) -> Result<(), EngineError> {
        let disk = self.disk.as_ref();
        let manifest = Manifest::load(disk, &self.layout.manifests())?;
        let Some(offset) = manifest.and_then(|manifest| manifest.metadata).map(LogOffset) else {
            return Ok(());
        };
        let dir = self.layout.dictionaries();
        let path = metadata::path(&dir, offset);
        match metadata::read(disk, &dir, offset) {
            Ok(_) => return Ok(()),
            Err(LogError::Damaged { .. }) => self.quarantine.keep_file(&path)?,
            Err(LogError::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        metadata::write(disk, &dir, offset, std::iter::empty())?;
        self.lost(format!(
            "the types, units and helps of metrics in {}; samples are not concerned",
            path.display()
        ));
        self.did(format!("wrote an empty file of metadata at log offset {}", offset.0));
        Ok(())
    }

    /// Where a start would find damage in the log, makes blocks of what can be replayed, so that the
    /// damaged part is not needed any more.
    pub(super) fn log(&mut self) -> Result<(), EngineError> {
        let damage = self.trial()?;
        if damage.is_empty() {
            return Ok(());
        }
        let dir = self.layout.log();
        self.disk.create_dir_all(&dir).map_err(EngineError::disk("create", &dir))?;
        self.quarantine.keep_dir(&dir)?;
        self.did("copied all log segments to the quarantine");
        for Damage { place, reason } in damage {
            self.lost(format!("{place}: {reason}"));
        }
        let (disk, clock) = (Arc::clone(self.disk), Arc::clone(self.clock));
        let engine = Engine::open(disk, clock, self.layout.dir(), scratch_options())?;
        let flushed = engine.flush()?;
        engine.close()?;
        drop(engine);
        if let Some(manifest) = Manifest::load(self.disk.as_ref(), &self.layout.manifests())?
            && !self.trial()?.is_empty()
        {
            // There was nothing to flush, as nothing is left of the log.
            begin_log(self.disk, self.layout, manifest.flushed_to())?;
        }
        self.did(format!(
            "flushed the {} samples that can be replayed into {} blocks; the log begins anew",
            flushed.samples,
            flushed.blocks.len()
        ));
        Ok(())
    }

    /// What a start would find damaged. All blocks and the dictionary are sound by now.
    fn trial(&self) -> Result<Vec<Damage>, EngineError> {
        let dir = self.layout.dir();
        let overlay = OverlayDisk::new(Arc::clone(self.disk), dir);
        let overlay: Arc<dyn Disk> = Arc::new(overlay.map_err(EngineError::disk("list", dir))?);
        Ok(recover(&overlay, self.layout, &scratch_options())?.damage)
    }
}

/// The entries of a dictionary without those that contradict earlier ones.
fn consistent(entries: Vec<(SeriesRef, Labels)>) -> Vec<(SeriesRef, Labels)> {
    let duplicates = DuplicatePolicy::default();
    let head = Head::new(HeadOptions { duplicates, series_max: limits::SERIES_COUNT_MAX });
    let fits = |(series, labels): &(SeriesRef, Labels)| {
        SeriesPlace::checked(*series).is_some() && head.define(*series, labels).is_ok()
    };
    entries.into_iter().filter(fits).collect()
}
