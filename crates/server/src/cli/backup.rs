//! `timberline backup` and `timberline restore`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use timberline::{Database, Options, Retention};
use timberline_backup::{
    Backup, BackupMade, Depot, Location, Restore, SnapshotSource, list, prune,
};
use timberline_io::{Clock, RealDisk, SystemClock};
use timberline_model::NANOS_PER_MILLI;

use super::{
    Failure,
    args::ServerArgs,
    client::Client,
    local_time::format_time,
    others::tell_others,
    progress::Bar,
    table::{count, counted, size, table},
};

const BACKUP_HELP: &str = "\
Examples:
  timberline backup /mnt/backups                     back up the server on this machine
  timberline backup s3://bucket/timberline           into a bucket; AWS_* variables as usual
  timberline backup /mnt/backups --keep 7            and keep the newest seven only
  timberline backup /mnt/backups --data-dir data     back up a database whose server is stopped
  timberline backup /mnt/site --database site        back up another database than `default`
  timberline backup /mnt/backups --list              which backups there are
  timberline backup /mnt/backups --prune --keep 3    only remove old ones

Everything acknowledged before the backup begins is in it. Blocks that are there already are not copied
again. For buckets, set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and AWS_ENDPOINT_URL for
other servers than Amazon's.";

/// `timberline backup`.
#[derive(Args, Debug)]
#[command(after_help = BACKUP_HELP)]
pub(super) struct BackupArgs {
    /// Where backups are kept: a directory or `s3://bucket/prefix`.
    #[arg(value_name = "PLACE")]
    place: String,
    /// Back up this data directory, whose server is stopped, instead of a running server's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Afterwards remove all but the newest so many backups, and what only they need.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Make no backup, only remove old ones; needs --keep.
    #[arg(long, requires = "keep", conflicts_with = "list")]
    prune: bool,
    /// Make no backup, only show which there are.
    #[arg(long, conflicts_with_all = ["keep", "data_dir"])]
    list: bool,
    /// Where the server is. It must run on this machine, since its files are copied.
    #[command(flatten)]
    server: ServerArgs,
}

const RESTORE_HELP: &str = "\
Examples:
  timberline restore /mnt/backups --data-dir data                  the newest backup
  timberline restore s3://bucket/timberline --data-dir data --backup 3

If it is interrupted, run the same command again: it goes on where it was. Until it is done, the directory
does not open as a database.";

/// `timberline restore`.
#[derive(Args, Debug)]
#[command(after_help = RESTORE_HELP)]
pub(super) struct RestoreArgs {
    /// Where backups are kept: a directory or `s3://bucket/prefix`.
    #[arg(value_name = "PLACE")]
    place: String,
    /// The directory to fill; new or empty.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The number of the backup; the newest if left out.
    #[arg(long, value_name = "NUMBER")]
    backup: Option<u64>,
}

/// Makes a backup, or looks after those that there are.
pub(super) fn backup(args: &BackupArgs) -> Result<(), Failure> {
    let depot = open(&args.place)?;
    if args.list {
        return show(depot.as_ref());
    }
    let made = if args.prune { None } else { Some(make(args, depot.as_ref())?) };
    if let Some(keep) = args.keep {
        remove_old(depot.as_ref(), keep)?;
    }
    let missing = made.map_or_else(Vec::new, |made| made.missing);
    if missing.is_empty() {
        return Ok(());
    }
    for block in &missing {
        eprintln!("not in the backup: block {}: {}", block.block, block.reason);
    }
    Err(Failure::new(format!(
        "the backup was made, but {} of the database cannot be read; see `timberline repair`",
        counted(missing.len() as u64, "blocks")
    )))
}

/// Opens a place.
pub(super) fn open(place: &str) -> Result<Box<dyn Depot>, Failure> {
    Location::parse(place).map_err(Failure::usage)?.open().map_err(Failure::new)
}

fn make(args: &BackupArgs, depot: &dyn Depot) -> Result<BackupMade, Failure> {
    let snapshot = match &args.data_dir {
        Some(dir) => match &args.server.database {
            Some(name) => snapshot_of_stopped(&dir.join("databases").join(name))?,
            None => snapshot_of_stopped(dir)?,
        },
        None => snapshot_of_server(&args.server)?,
    };
    let source = SnapshotSource::take(Arc::new(RealDisk), &snapshot).map_err(|error| {
        Failure::new(format!(
            "{error}\nThe server's files must be reachable from here: run the backup on its machine, \
             as a user who may write there."
        ))
    })?;
    let bar = Bar::new("copying");
    let made = Backup::new(depot).make(source.dir(), &bar);
    drop(bar);
    if let Err(error) = source.remove() {
        eprintln!("the snapshot of this backup stays until the next one: {error}");
    }
    let made = made.map_err(Failure::new)?;
    println!(
        "backup {} in {}: {} in {}, {}; copied {} ({}), the rest was there",
        made.number,
        depot.name(),
        counted(made.samples, "samples"),
        counted(made.blocks, "blocks"),
        size(made.bytes),
        size(made.bytes_copied),
        counted(made.files_copied, "files"),
    );
    if let Some(dir) = snapshot.parent().and_then(Path::parent) {
        tell_others(dir, "not in this backup");
    }
    Ok(made)
}

/// Has a running server make a snapshot.
fn snapshot_of_server(server: &ServerArgs) -> Result<PathBuf, Failure> {
    let answer = Client::new(server)?.post("/api/v1/admin/tsdb/snapshot")?;
    match answer.json["data"]["dir"].as_str() {
        Some(dir) => Ok(PathBuf::from(dir)),
        None => {
            Err(Failure::new(format!("the server's answer names no snapshot: {}", answer.text)))
        }
    }
}

/// Opens a stopped database, and makes a snapshot with all that its log holds.
fn snapshot_of_stopped(dir: &Path) -> Result<PathBuf, Failure> {
    if !dir.join("manifest").is_dir() {
        return Err(Failure::new(format!("{} is no database", dir.display())));
    }
    let failed = |error: timberline::Error| {
        let hint = match error.kind() {
            timberline::ErrorKind::Conflict => {
                "\nLeave out --data-dir to back up a running server."
            }
            _ => "",
        };
        Failure::new(format!("cannot back up {}: {error}{hint}", dir.display()))
    };
    // Neither takes anything away here.
    let retention = Retention::default();
    let options = Options { background: false, retention, ..Options::default() };
    let database = Database::open(dir, options).map_err(failed)?;
    for damage in database.damage() {
        eprintln!("damaged: {}: {}", damage.place, damage.reason);
    }
    let snapshot = database.snapshot(false).map_err(failed)?;
    database.close().map_err(failed)?;
    Ok(snapshot.dir)
}

fn remove_old(depot: &dyn Depot, keep: u32) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let pruned = prune(depot, &clock, keep).map_err(Failure::new)?;
    println!(
        "removed {} and {} that only they needed ({})",
        counted(pruned.backups.len() as u64, "backups"),
        counted(pruned.objects, "objects"),
        size(pruned.bytes)
    );
    if let Some(reason) = pruned.objects_left {
        println!("objects that no backup needs were left for the next time: {reason}");
    }
    Ok(())
}

fn show(depot: &dyn Depot) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for (number, backup) in list(depot).map_err(Failure::new)? {
        rows.push(match backup {
            Ok(backup) => vec![
                number.to_string(),
                format_time(backup.created_ms.saturating_mul(NANOS_PER_MILLI)),
                count(backup.blocks),
                count(backup.samples),
                size(backup.bytes()),
                match backup.missing.len() {
                    0 => String::new(),
                    missing => format!("{} missing", counted(missing as u64, "blocks")),
                },
            ],
            Err(error) => {
                let unknown = || "?".to_owned();
                let error = error.to_string();
                vec![number.to_string(), unknown(), unknown(), unknown(), unknown(), error]
            }
        });
    }
    if rows.is_empty() {
        println!("no backups in {}", depot.name());
    } else {
        let titles = ["backup", "made", "blocks", "samples", "size", ""];
        print!("{}", table(&titles, &[0, 2, 3, 4], &rows));
    }
    Ok(())
}

/// Fills a directory with a backup.
pub(super) fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let depot = open(&args.place)?;
    let bar = Bar::new("restoring");
    let restored = Restore::new(depot.as_ref()).into_dir(&args.data_dir, args.backup, &bar);
    drop(bar);
    let restored = restored.map_err(Failure::new)?;
    let backup = restored.backup;
    println!(
        "restored backup {} of {} into {}: {} in {}, {}",
        backup.number,
        format_time(backup.created_ms.saturating_mul(NANOS_PER_MILLI)),
        args.data_dir.display(),
        counted(backup.samples, "samples"),
        counted(backup.blocks, "blocks"),
        size(backup.bytes()),
    );
    for block in &backup.missing {
        eprintln!("the backup lacks block {}: {}", block.block, block.reason);
    }
    println!("timberline start --data-dir {}", args.data_dir.display());
    Ok(())
}
