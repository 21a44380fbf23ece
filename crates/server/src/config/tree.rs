//! The tree itself: every key, its default and what it means.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use timberline::FloatCodec;
use timberline_model::{ByteSize, Durability};

use super::{
    compaction_levels::CompactionLevels,
    cors_origin::CorsOrigin,
    duplicate_setting::DuplicateSetting,
    feature_list::FeatureList,
    field::{Declared, Section},
    human_duration::HumanDuration,
    listen_address::ListenAddress,
    log_settings::{LogFormat, LogLevel},
    optional::{Optional, UserFiles},
    setting::Setting,
};

/// Declares the sections: a struct for each, its defaults, and its keys as data. `@live` before a key
/// says that it is looked at whenever it is needed, so that a reload can change it.
macro_rules! config_tree {
    ($(
        $(#[doc = $about:literal])+
        $name:ident, $member:ident = $section:literal $prefix:literal $title:literal {
            $( $(#[doc = $doc:literal])+ $(@$live:ident)? $field:ident: $ty:ty = $default:expr; )+
        }
    )+) => {
        /// Everything that can be configured.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct Config {
            $( $(#[doc = $about])+ pub(crate) $member: $name, )+
        }

        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq)]
            pub(crate) struct $name {
                $( $(#[doc = $doc])+ pub(crate) $field: $ty, )+
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $( $field: $default, )+ }
                }
            }
        )+

        /// All sections, in order.
        pub(super) static SECTIONS: &[Section] = &[$(
            Section {
                name: $section,
                title: $title,
                fields: &[$(
                    Declared {
                        key: concat!($prefix, stringify!($field)),
                        doc: concat!($($doc, "\n"),+),
                        hint: <$ty as Setting>::HINT,
                        bare: <$ty as Setting>::BARE,
                        live: is_live(&[$(stringify!($live))?]),
                    },
                )+],
            },
        )+];

        impl Config {
            /// Sets a key from text. `None` when there is no such key.
            pub(crate) fn set(&mut self, key: &str, text: &str) -> Option<Result<(), String>> {
                $($(
                    if key == concat!($prefix, stringify!($field)) {
                        return Some(<$ty as Setting>::read(text).map(|value| {
                            self.$member.$field = value;
                        }));
                    }
                )+)+
                None
            }

            /// A key's value as text. `None` when there is no such key.
            pub(crate) fn get(&self, key: &str) -> Option<String> {
                $($(
                    if key == concat!($prefix, stringify!($field)) {
                        return Some(Setting::show(&self.$member.$field));
                    }
                )+)+
                None
            }
        }
    };
}

const fn is_live(marks: &[&str]) -> bool {
    !marks.is_empty()
}

const fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("a default count is not zero")
}

const fn large_count(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).expect("a default count is not zero")
}

config_tree! {
    /// Where the data lies and who may reach it.
    ServerSettings, server = "" "" "Server" {
        /// Directory of the database. It is made if it does not exist, and one process at a time
        /// may have it open.
        data_dir: PathBuf = PathBuf::from("./data");
        /// Address of the HTTP listener. Port 0 takes a free port; see `--ready-file`.
        listen: ListenAddress = ListenAddress::loopback(8080);
        /// Allow a listener that other machines can reach. There is no authentication and no TLS
        /// yet: whoever reaches the port can read and write everything.
        insecure: bool = false;
        /// How long requests under way may take to end after SIGTERM or SIGINT, before they are cut.
        shutdown_timeout: HumanDuration = HumanDuration::seconds(30);
    }

    /// Limits of every HTTP request.
    HttpSettings, http = "http" "http." "HTTP" {
        /// Connections open at once. Further ones are answered 503 and closed.
        connections_max: NonZeroUsize = count(1_024);
        /// Time for a request's head to arrive; also how long an idle connection is kept.
        head_timeout: HumanDuration = HumanDuration::seconds(60);
        /// Time for a request's body to arrive, from its head on.
        @live body_timeout: HumanDuration = HumanDuration::seconds(60);
        /// Time for which a client may take no byte of an answer, before the answer is cut and the
        /// connection closed.
        stall_timeout: HumanDuration = HumanDuration::seconds(60);
        /// Size of a request's head: its first line and all headers.
        head_size_max: ByteSize = ByteSize::kibibytes(128);
        /// Size of a form in the body of a `POST`, such as a long query.
        @live form_size_max: ByteSize = ByteSize::mebibytes(1);
        /// Which websites' pages may read the answers under `/api/v1/` in a browser: a regular
        /// expression that the whole origin must match, such as `https://grafana\\.example`.
        @live cors_origin: CorsOrigin = CorsOrigin::default();
    }

    /// Limits of writes.
    WriteSettings, write = "write" "write." "Writes" {
        /// Size of a write's body as it arrives, compressed or not.
        @live body_size_max: ByteSize = ByteSize::mebibytes(16);
        /// Size of a write's body after decompression.
        @live decoded_size_max: ByteSize = ByteSize::mebibytes(64);
        /// Samples of one request.
        @live samples_max: NonZeroUsize = count(2_000_000);
        /// Memory for the bodies of all writes together, as they arrive. A body takes the length it
        /// announces, or else what has arrived of it, until its write has ended. Further ones wait.
        body_memory_max: ByteSize = ByteSize::mebibytes(512);
        /// Writes decoded and stored at once, each with at most `decoded_size_max` of memory for its
        /// body decompressed. Further ones wait.
        concurrent_max: NonZeroUsize = count(64);
        /// How long a write waits for memory for its body, and then for its turn, before it is
        /// answered 503 with `Retry-After`.
        @live queue_timeout: HumanDuration = HumanDuration::seconds(10);
    }

    /// Limits of queries.
    QuerySettings, query = "query" "query." "Queries" {
        /// Time for one query. A request may ask for less with `timeout`, not for more.
        @live timeout: HumanDuration = HumanDuration::seconds(120);
        /// Samples that one query may read and make.
        @live samples_max: NonZeroU64 = large_count(50_000_000);
        /// Series that one query may read.
        @live series_max: NonZeroU64 = large_count(1_000_000);
        /// Steps of one range query.
        @live steps_max: NonZeroU64 = large_count(11_000);
        /// How far back an instant selector looks for a series' newest sample. A request may ask
        /// for another with `lookback_delta`.
        @live lookback: HumanDuration = HumanDuration::seconds(300);
        /// Queries under way at once. Further ones wait, and take turns by their clients' addresses.
        concurrent_max: NonZeroUsize = count(20);
        /// Queries that wait at once, of all clients. Further ones are answered 503 with
        /// `Retry-After`.
        waiting_max: NonZeroUsize = count(1_000);
        /// How long a query waits for its turn before it is answered 503 with `Retry-After`.
        @live queue_timeout: HumanDuration = HumanDuration::seconds(10);
        /// Parts of PromQL that are switched on, by the names that Prometheus gives to
        /// `--enable-feature`, joined by commas: `promql-experimental-functions`,
        /// `promql-extended-range-selectors`, `promql-binop-fill-modifiers`,
        /// `promql-delayed-name-removal`, `use-start-timestamps`, `type-and-unit-labels`; or `all`,
        /// or `none`. `promql-duration-expr` is always on.
        @live features: FeatureList = FeatureList::default();
        /// Threads that one query may use.
        @live threads_max: NonZeroUsize = count(2);
    }

    /// Limits of SQL, beside those of queries.
    SqlSettings, sql = "sql" "sql." "SQL" {
        /// Memory that all statements under way may hold together. Sorts and groups beyond it go to
        /// files; what cannot is refused.
        memory_max: ByteSize = ByteSize::mebibytes(512);
        /// Directory whose Parquet, Arrow and CSV files statements may read, and where `COPY` writes. It is
        /// made if it is not there. With `none`, SQL knows no files.
        files_dir: Optional<PathBuf> = Optional(None);
        /// Users of the PostgreSQL and Flight SQL listeners, and the files of their passwords:
        /// `ada=/run/secrets/ada,bob=/run/secrets/bob`. With `none`, everybody who reaches these
        /// listeners may ask and write, and only this machine may reach them.
        users: UserFiles = UserFiles::default();
        /// Certificate with its chain, in PEM, of the PostgreSQL and Flight SQL listeners.
        tls_cert: Optional<PathBuf> = Optional(None);
        /// Key of that certificate, in PEM.
        tls_key: Optional<PathBuf> = Optional(None);
    }

    /// The wire protocol of PostgreSQL, for psql, drivers, Grafana.
    PostgresSettings, postgres = "postgres" "postgres." "PostgreSQL protocol" {
        /// Address of the listener, such as `127.0.0.1:5432`. One that other machines can reach needs
        /// `sql.users`, `sql.tls_cert` and `sql.tls_key`.
        listen: Optional<ListenAddress> = Optional(None);
        /// Connections open at once. Further ones are refused.
        connections_max: NonZeroUsize = count(256);
    }

    /// Arrow Flight SQL, for ADBC, pyarrow and JDBC.
    FlightSettings, flight = "flight" "flight." "Arrow Flight SQL" {
        /// Address of the listener, such as `127.0.0.1:32010`. One that other machines can reach needs
        /// `sql.users`, `sql.tls_cert` and `sql.tls_key`.
        listen: Optional<ListenAddress> = Optional(None);
        /// Calls of one connection at once.
        streams_max: NonZeroUsize = count(256);
    }

    /// Limits of remote read, beside those of queries.
    ReadSettings, read = "read" "read." "Remote read" {
        /// Samples that a sampled answer may hold. Streams of chunks have no such limit.
        samples_max: NonZeroU64 = large_count(50_000_000);
        /// Size of a sampled answer, uncompressed.
        response_size_max: ByteSize = ByteSize::mebibytes(256);
        /// Size from which on a frame of a stream of chunks takes no further chunk.
        frame_size_max: ByteSize = ByteSize::mebibytes(1);
    }

    /// The database.
    StorageSettings, storage = "storage" "storage." "Storage" {
        /// What "written" means: `synced` (on the disk) or `logged` (in the page cache: lost by a
        /// power cut, not by a crash of the process).
        durability: Durability = Durability::Synced;
        /// Which sample stays when a series gets two at one instant: `last`, `first`, `all`, or
        /// `reject` to refuse the later one. `keep` means what the directory has already; a new
        /// directory then has `last`.
        duplicates: DuplicateSetting = DuplicateSetting::default();
        /// How floats are encoded in new blocks: `smallest`, page by page whatever takes the fewest
        /// bytes, or `gorilla`, chunks as Prometheus has them.
        codec: FloatCodec = FloatCodec::default();
        /// Series that the database may hold. New ones beyond are refused; known ones go on.
        series_max: NonZeroU64 = large_count(10_000_000);
        /// Size of one segment of the log.
        segment_size: ByteSize = ByteSize::mebibytes(128);
        /// Free disk space that writes leave alone, so that flushing and deleting can go on. Below
        /// it writes are answered 507.
        reserve_size: ByteSize = ByteSize::mebibytes(64);
        /// Size of the unflushed samples in memory that starts a flush.
        flush_size: ByteSize = ByteSize::mebibytes(512);
        /// Size of the log since the last flush that starts a flush, so that a restart stays short.
        flush_log_size: ByteSize = ByteSize::mebibytes(2_048);
        /// Span of time that one block covers, and the age at which samples are flushed.
        flush_window: HumanDuration = HumanDuration::seconds(7_200);
        /// How long after its last sample, in the time of the samples, a series leaves memory. It goes at
        /// a flush, and one that ended with a stale marker goes at the next. One that comes back costs as
        /// much as a new one. `0s` lets all go at every flush.
        series_idle: HumanDuration = HumanDuration::seconds(600);
        /// Spans of the windows of time into which blocks are merged once a window has ended, ascending
        /// and joined by commas; each a multiple of the one before, and the first of `flush_window`.
        /// `none` merges nothing.
        compaction_levels: CompactionLevels = CompactionLevels::default();
        /// What merging blocks may write in a second. Less is written while writes are under way.
        /// `0B` sets no limit.
        @live compaction_rate: ByteSize = ByteSize::mebibytes(64);
        /// How long samples are kept after their time. Older ones are refused, and blocks that hold
        /// nothing newer are removed. `0s` keeps everything.
        @live retention: HumanDuration = HumanDuration::seconds(30 * 24 * 3_600);
        /// Size of all blocks together beyond which the oldest are removed. `0B` sets no limit.
        @live retention_size: ByteSize = ByteSize::mebibytes(0);
    }

    /// What the server says about itself.
    LogSettings, log = "log" "log." "Log lines" {
        /// Which lines: `error`, `warn`, `info`, `debug`, `trace`, `off`, or by module
        /// (`info,timberline=debug`).
        level: LogLevel = LogLevel::info();
        /// `text` for people, `json` for machines. Lines go to standard error.
        format: LogFormat = LogFormat::Text;
    }
}
