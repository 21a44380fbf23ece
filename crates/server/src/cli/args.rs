//! The commands and their arguments: what `timberline help` teaches.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    backup::{BackupArgs, RestoreArgs},
    care::{CheckArgs, RepairArgs},
    exchange::{ExportArgs, ImportArgs},
    subscribe::SubscribeArgs,
};
use crate::config::ConfigFlags;

const EXAMPLES: &str = "\
Examples:
  timberline start                                   serve ./data on http://127.0.0.1:8080
  timberline write 'cpu_usage{host=\"server1\"}' 0.85   store a sample
  timberline query 'cpu_usage{host=\"server1\"}'        ask for the newest value
  timberline query 'avg(cpu_usage)' --start -1h       ask for the last hour
  timberline inspect labels                          see what there is
  timberline backup /mnt/backups                     back up while the server runs

To have Prometheus write into it, add to prometheus.yml:
  remote_write:
    - url: http://127.0.0.1:8080/api/v1/write

Exit codes: 0 done, 1 failed, 2 wrong use.";

/// Timberline: a time series database.
#[derive(Debug, Parser)]
#[command(name = "timberline", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the server until SIGTERM or SIGINT.
    Start(StartArgs),
    /// Store one sample.
    Write(WriteArgs),
    /// Ask a question in PromQL or in SQL.
    Query(QueryArgs),
    /// Talk to the server in SQL.
    #[cfg(feature = "sql")]
    Sql(super::shell::ShellArgs),
    /// Follow a continuous query in SQL.
    Subscribe(SubscribeArgs),
    /// Look at what is stored and how the server is.
    Inspect(InspectArgs),
    /// How the server is and how much it holds; the same as `inspect status`.
    Status(StatusArgs),
    /// Move what is in memory into blocks on the disk.
    Flush(StatusArgs),
    /// Read files of other systems into a database that no server has open.
    Import(ImportArgs),
    /// Write a database that no server has open into files of another format.
    Export(ExportArgs),
    /// Back up a running server's database, or a stopped one's, into a directory or a bucket.
    Backup(BackupArgs),
    /// Fill a new data directory with a backup.
    Restore(RestoreArgs),
    /// Look for damage in a stopped database, or in backups, without changing anything.
    Check(CheckArgs),
    /// Make a damaged database open again, without losing what can be read.
    Repair(RepairArgs),
}

const START_HELP: &str = "\
Examples:
  timberline start --data-dir /var/lib/timberline
  timberline start --config timberline.toml --log-format json
  timberline start --print-config > timberline.toml      a file with every key explained
  timberline start --listen 127.0.0.1:0 --ready-file url  take a free port, and say which

A flag wins over the environment, the environment over the file, the file over the default.";

/// `timberline start`.
#[derive(Args, Debug)]
#[command(after_help = START_HELP)]
pub(super) struct StartArgs {
    /// Read the configuration from this TOML file.
    #[arg(long, value_name = "PATH", env = "TIMBERLINE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Print the configuration that results from file, environment and flags, and start nothing.
    #[arg(long)]
    pub(super) print_config: bool,
    /// Once requests are served, write the URL of the HTTP listener into this file, and on further
    /// lines those of the PostgreSQL and Flight SQL listeners, if there are any. It is removed when
    /// the server stops.
    #[arg(long, value_name = "PATH")]
    pub(super) ready_file: Option<PathBuf>,
    /// Every key of the configuration.
    #[command(flatten)]
    pub(super) flags: ConfigFlags,
}

/// Where the server is.
#[derive(Args, Clone, Debug)]
pub(super) struct ServerArgs {
    /// The server's address, such as `127.0.0.1:8080` or `http://host:8080`.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "TIMBERLINE_ADDR",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(super) addr: String,
    /// The database that it is about [default: the server's own, `default`].
    #[arg(long, value_name = "NAME", env = "TIMBERLINE_DATABASE")]
    pub(super) database: Option<String>,
}

/// How answers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Table,
    /// The server's own answer.
    Json,
    /// One line per sample, with a column per label.
    Csv,
}

const WRITE_HELP: &str = "\
Examples:
  timberline write 'cpu_usage{host=\"server1\"}' 0.85
  timberline write 'room_temperature{room=\"attic\"}' -3.5 --time -3h
  timberline write 'cpu_usage{host=\"server1\"}' 0.80 --time -5m

Quote the series, so that the shell leaves the braces alone.";

/// `timberline write`.
#[derive(Args, Debug)]
#[command(after_help = WRITE_HELP)]
pub(super) struct WriteArgs {
    /// The series: a metric name and labels, such as `cpu_usage{host="server1"}`.
    pub(super) series: String,
    /// The value: a number, `NaN`, `Inf` or `-Inf`.
    #[arg(allow_hyphen_values = true)]
    pub(super) value: String,
    /// The sample's time: `now`, `-5m`, RFC 3339, a date, or a Unix time (milliseconds from 1e11
    /// on, else seconds).
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    pub(super) time: String,
    /// Where the server is.
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

const QUERY_HELP: &str = "\
Examples:
  timberline query 'cpu_usage{host=\"server1\"}'
  timberline query 'sum by (host) (rate(requests_total[5m]))' --start -1h --end now --step 1m
  timberline query 'up' --time 2026-01-31T07:00:00Z
  timberline query 'cpu_usage' --start -10m --raw          the samples as they are stored
  timberline query 'up' --format csv
  timberline query 'SELECT host, avg(value) FROM cpu_usage GROUP BY host'

What begins as a statement of SQL does is taken for one; --sql and --promql decide.
Without --start, --end and --raw it is evaluated at one instant, --time.";

/// `timberline query`.
#[derive(Args, Debug)]
#[command(after_help = QUERY_HELP)]
pub(super) struct QueryArgs {
    /// The question, in PromQL or SQL.
    #[arg(value_name = "QUESTION")]
    pub(super) query: String,
    /// The question is in SQL, whatever it begins with.
    #[arg(long, conflicts_with_all = ["promql", "start", "end", "step", "raw", "limit", "explain"])]
    pub(super) sql: bool,
    /// The question is in PromQL, whatever it begins with.
    #[arg(long)]
    pub(super) promql: bool,
    /// When to evaluate: `now`, `-5m`, RFC 3339, a date, or a Unix time.
    #[arg(long, default_value = "now", allow_hyphen_values = true, conflicts_with_all = ["start", "end"])]
    pub(super) time: String,
    /// Begin of the range; an hour before its end if only --end is given.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) start: Option<String>,
    /// End of the range [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) end: Option<String>,
    /// Distance between evaluations, such as `15s` [default: 1m, or more for a long range].
    #[arg(long, value_name = "DURATION")]
    pub(super) step: Option<String>,
    /// Show a plain selector's samples as they are stored, instead of evaluating at steps.
    #[arg(long, conflicts_with = "step")]
    pub(super) raw: bool,
    /// Show, instead of the answer to PromQL, what each part of the query did and read.
    #[arg(long, conflicts_with = "raw")]
    pub(super) explain: bool,
    /// Show at most so many series of an answer to PromQL.
    #[arg(long, value_name = "COUNT")]
    pub(super) limit: Option<u64>,
    /// Give up after this time, such as `10s`; the server may allow less.
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<String>,
    /// How to show the answer.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
    /// Where the server is.
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

/// `timberline inspect`.
#[derive(Args, Debug)]
pub(super) struct InspectArgs {
    /// What to look at.
    #[command(subcommand)]
    pub(super) what: Inspect,
}

/// What can be inspected.
#[derive(Debug, Subcommand)]
pub(super) enum Inspect {
    /// How the server is and how much it holds.
    Status(StatusArgs),
    /// The names of all labels.
    Labels(LabelsArgs),
    /// The values of one label.
    LabelValues(LabelValuesArgs),
    /// The series that a selector picks.
    Series(SeriesArgs),
    /// Whether the server is well; exit code 1 if not.
    Health(StatusArgs),
}

/// Arguments of commands that only need a server.
#[derive(Args, Debug)]
pub(super) struct StatusArgs {
    /// How to show the answer.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
    /// Where the server is.
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

/// `timberline inspect labels`.
#[derive(Args, Debug)]
pub(super) struct LabelsArgs {
    /// Only of series that this selector picks; may be repeated.
    #[arg(long = "match", value_name = "SELECTOR")]
    pub(super) matches: Vec<String>,
    /// How, and where.
    #[command(flatten)]
    pub(super) common: StatusArgs,
}

/// `timberline inspect label-values`.
#[derive(Args, Debug)]
pub(super) struct LabelValuesArgs {
    /// The label, such as `host`, or `__name__` for the names of metrics.
    pub(super) label: String,
    /// What `inspect labels` takes too.
    #[command(flatten)]
    pub(super) labels: LabelsArgs,
}

/// `timberline inspect series`.
#[derive(Args, Debug)]
pub(super) struct SeriesArgs {
    /// The selector, such as `{job="node"}`; several are joined.
    #[arg(required = true, value_name = "SELECTOR")]
    pub(super) selectors: Vec<String>,
    /// How, and where.
    #[command(flatten)]
    pub(super) common: StatusArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn negative_values_and_relative_times_need_no_equals_sign() {
        let parse = |words: &[&str]| Cli::try_parse_from(words).map_err(|error| error.to_string());
        parse(&["timberline", "write", "m", "-5", "--time", "-1h"]).unwrap();
        parse(&["timberline", "query", "up", "--start", "-1h", "--end", "now"]).unwrap();
        parse(&["timberline", "start", "--insecure", "--query-timeout=5s"]).unwrap();
        assert!(parse(&["timberline", "start", "--nonsense"]).is_err());
    }
}
