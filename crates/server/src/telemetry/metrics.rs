//! Everything the server itself counts. What the database counts is asked of it when the page is
//! made.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{
    Exposition,
    instruments::{Counter, Durations, Gauge, InFlight},
};

/// The server's own counts.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Connections accepted.
    pub(crate) connections_accepted: Counter,
    /// Connections refused because too many were open.
    pub(crate) connections_refused: Counter,
    /// Connections cut because their client took nothing of an answer.
    pub(crate) connections_stalled: Counter,
    /// Connections open.
    pub(crate) connections_open: Gauge,
    /// Failures to accept a connection.
    pub(crate) accept_failures: Counter,
    /// Handlers that panicked.
    pub(crate) panics: Counter,
    /// Requests that ended, by route and status.
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    requests_in_flight: Gauge,
    request_durations: Durations,

    /// Samples written.
    pub(crate) samples_written: Counter,
    /// Samples refused.
    pub(crate) samples_rejected: Counter,
    /// Native histograms written.
    pub(crate) histograms_written: Counter,
    /// Exemplars written.
    pub(crate) exemplars_written: Counter,
    /// Exemplars refused.
    pub(crate) exemplars_rejected: Counter,
    /// Bytes of write bodies as they arrived.
    pub(crate) write_bytes: Counter,
    /// Bytes of write bodies after decompression.
    pub(crate) write_decoded_bytes: Counter,
    /// Writes that found no free place, or no memory for their bodies, in time.
    pub(crate) writes_overloaded: Counter,
    /// Time in the database per write.
    pub(crate) write_durations: Durations,
    writes_in_flight: Gauge,

    /// Queries that were evaluated, with or without success.
    pub(crate) queries: Counter,
    /// Queries that failed.
    pub(crate) query_failures: Counter,
    /// Queries whose asker went away.
    pub(crate) queries_canceled: Counter,
    /// Queries that found no free place in time.
    pub(crate) queries_overloaded: Counter,
    /// Samples that queries read.
    pub(crate) query_samples: Counter,
    /// Series that queries read.
    pub(crate) query_series: Counter,
    /// Time per query.
    pub(crate) query_durations: Durations,
    queries_in_flight: Gauge,
    queries_waiting: Gauge,

    /// Statements of SQL, by wire.
    statements: Mutex<BTreeMap<&'static str, Statements>>,
}

/// What was asked in SQL on one wire.
#[derive(Debug, Default)]
struct Statements {
    /// By outcome.
    ended: BTreeMap<&'static str, u64>,
    rows: u64,
    durations: Durations,
}

impl Metrics {
    /// Counts a request as under way.
    pub(crate) fn request(&self) -> InFlight<'_> {
        InFlight::of(&self.requests_in_flight)
    }

    /// Counts a write as under way.
    pub(crate) fn write(&self) -> InFlight<'_> {
        InFlight::of(&self.writes_in_flight)
    }

    /// Counts a query as under way.
    pub(crate) fn query(&self) -> InFlight<'_> {
        InFlight::of(&self.queries_in_flight)
    }

    /// Counts a query as waiting for its turn.
    pub(crate) fn waiting_query(&self) -> InFlight<'_> {
        InFlight::of(&self.queries_waiting)
    }

    /// Counts a request that ended.
    pub(crate) fn request_ended(&self, route: &str, status: u16, duration: Duration) {
        self.request_durations.observe(duration);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        match requests.get_mut(&(route.to_owned(), status)) {
            Some(count) => *count += 1,
            None => {
                requests.insert((route.to_owned(), status), 1);
            }
        }
    }

    /// Counts a statement of SQL that ended.
    #[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "nothing asks in SQL"))]
    pub(crate) fn statement_ended(
        &self,
        wire: &'static str,
        outcome: &'static str,
        rows: u64,
        duration: Duration,
    ) {
        let mut all = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        let statements = all.entry(wire).or_default();
        *statements.ended.entry(outcome).or_default() += 1;
        statements.rows += rows;
        statements.durations.observe(duration);
    }

    /// Writes the page's part about the server.
    pub(crate) fn describe(&self, page: &mut Exposition) {
        page.family("timberline_build_info", "gauge", "The version of this server; always 1.");
        page.sample("timberline_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.describe_http(page);
        self.describe_writes(page);
        self.describe_queries(page);
        self.describe_statements(page);
    }

    fn describe_http(&self, page: &mut Exposition) {
        page.counted(
            "timberline_http_connections_accepted_total",
            "Connections accepted.",
            &self.connections_accepted,
        );
        page.counted(
            "timberline_http_connections_refused_total",
            "Connections refused because http.connections_max were open.",
            &self.connections_refused,
        );
        page.counted(
            "timberline_http_connections_stalled_total",
            "Connections cut because nothing of an answer was taken for http.stall_timeout.",
            &self.connections_stalled,
        );
        page.present(
            "timberline_http_connections_open",
            "Connections open.",
            &self.connections_open,
        );
        page.counted(
            "timberline_http_accept_failures_total",
            "Failures to accept a connection.",
            &self.accept_failures,
        );
        page.counted("timberline_http_panics_total", "Handlers that panicked.", &self.panics);
        page.present(
            "timberline_http_requests_in_flight",
            "Requests under way.",
            &self.requests_in_flight,
        );
        page.family(
            "timberline_http_requests_total",
            "counter",
            "Requests that ended, by route and status.",
        );
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((route, status), count) in requests {
            let labels = [("route", route.as_str()), ("status", &status.to_string())];
            page.sample("timberline_http_requests_total", &labels, count);
        }
        let name = "timberline_http_request_duration_seconds";
        page.family(name, "histogram", "Time from a request's head to its answer.");
        page.durations(name, &[], &self.request_durations);
    }

    fn describe_writes(&self, page: &mut Exposition) {
        page.counted(
            "timberline_samples_written_total",
            "Samples written through this server.",
            &self.samples_written,
        );
        page.counted(
            "timberline_samples_rejected_total",
            "Samples refused, floats and native histograms.",
            &self.samples_rejected,
        );
        page.counted(
            "timberline_histograms_written_total",
            "Native histograms written through this server.",
            &self.histograms_written,
        );
        page.counted(
            "timberline_exemplars_written_total",
            "Exemplars written through this server.",
            &self.exemplars_written,
        );
        page.counted(
            "timberline_exemplars_rejected_total",
            "Exemplars refused.",
            &self.exemplars_rejected,
        );
        page.counted(
            "timberline_write_bytes_total",
            "Bytes of write bodies as they arrived.",
            &self.write_bytes,
        );
        page.counted(
            "timberline_write_decoded_bytes_total",
            "Bytes of write bodies after decompression.",
            &self.write_decoded_bytes,
        );
        page.counted(
            "timberline_writes_overloaded_total",
            "Writes answered 503 because no place, or memory for their bodies, became free in time.",
            &self.writes_overloaded,
        );
        page.present("timberline_writes_in_flight", "Writes under way.", &self.writes_in_flight);
        let name = "timberline_write_duration_seconds";
        page.family(name, "histogram", "Time in the database per write, to its acknowledgment.");
        page.durations(name, &[], &self.write_durations);
    }

    fn describe_queries(&self, page: &mut Exposition) {
        page.counted("timberline_queries_total", "Queries that ended.", &self.queries);
        page.counted(
            "timberline_query_failures_total",
            "Queries that failed.",
            &self.query_failures,
        );
        page.counted(
            "timberline_queries_canceled_total",
            "Queries whose asker went away.",
            &self.queries_canceled,
        );
        page.counted(
            "timberline_queries_overloaded_total",
            "Queries answered 503 because no place became free in time.",
            &self.queries_overloaded,
        );
        page.counted(
            "timberline_query_samples_total",
            "Samples that queries read.",
            &self.query_samples,
        );
        page.counted(
            "timberline_query_series_total",
            "Series that queries read.",
            &self.query_series,
        );
        page.present("timberline_queries_in_flight", "Queries under way.", &self.queries_in_flight);
        page.present(
            "timberline_queries_waiting",
            "Queries that wait for their turn.",
            &self.queries_waiting,
        );
        let name = "timberline_query_duration_seconds";
        page.family(name, "histogram", "Time per query.");
        page.durations(name, &[], &self.query_durations);
    }

    fn describe_statements(&self, page: &mut Exposition) {
        let all = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        let name = "timberline_sql_statements_total";
        page.family(name, "counter", "Statements of SQL that ended, by wire and outcome.");
        for (wire, statements) in all.iter() {
            for (outcome, count) in &statements.ended {
                page.sample(name, &[("wire", wire), ("outcome", outcome)], count);
            }
        }
        let name = "timberline_sql_rows_total";
        page.family(name, "counter", "Rows that statements of SQL answered, by wire.");
        for (wire, statements) in all.iter() {
            page.sample(name, &[("wire", wire)], statements.rows);
        }
        let name = "timberline_sql_duration_seconds";
        page.family(name, "histogram", "Time from a statement of SQL to its last row, by wire.");
        for (wire, statements) in all.iter() {
            page.durations(name, &[("wire", wire)], &statements.durations);
        }
    }
}
