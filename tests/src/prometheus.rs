//! Debian's Prometheus and node exporter, started for a test.

use std::{fs, path::Path, process::Command, time::Duration};

use crate::{Process, free_port, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running node exporter.
#[derive(Debug)]
pub struct NodeExporter {
    _process: Process,
    address: String,
}

/// A running Prometheus that scrapes a node exporter every second and writes to Timberline.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    address: String,
}

impl NodeExporter {
    /// Starts one and waits until it answers.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus-node-exporter");
        command.arg(format!("--web.listen-address={address}"));
        let process = Process::start(&mut command, &dir.join("node-exporter.log"));
        let url = format!("http://{address}/metrics");
        wait_until("the node exporter answers", PATIENCE, || ureq::get(&url).call().is_ok());
        Self { _process: process, address }
    }

    /// Its address, `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Prometheus {
    /// Starts one that scrapes `exporter` as job `node` and writes to the server at `timberline`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(dir: &Path, exporter: &str, timberline: &str) -> Self {
        let text = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n\
             scrape_configs:\n- job_name: node\n  static_configs:\n  - targets: ['{exporter}']\n\
             remote_write:\n- url: http://{timberline}/api/v1/write\n"
        );
        Self::start_with(dir, |_| text, &[])
    }

    /// Starts one with a configuration made for its own address, and with flags.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_with(dir: &Path, config: impl FnOnce(&str) -> String, flags: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let text = config(&address);
        let config = dir.join("prometheus.yml");
        fs::write(&config, text).expect("a test's directory can be written");
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("prometheus-data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(flags);
        let process = Process::start(&mut command, &dir.join("prometheus.log"));
        let ready = format!("http://{address}/-/ready");
        wait_until("Prometheus is ready", PATIENCE, || ureq::get(&ready).call().is_ok());
        Self { process, address }
    }

    /// Its address, `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A metric of its own, summed over its series; zero where there is none.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn own_metric(&self, name: &str) -> f64 {
        let url = format!("http://{}/metrics", self.address);
        let mut answer = ureq::get(&url).call().unwrap_or_else(|error| panic!("{url}: {error}"));
        let text = answer.body_mut().read_to_string().expect("metrics are text");
        text.lines()
            .filter(|line| line.starts_with(name) && !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    }

    /// Ends it as an operator does, so that it writes what it has.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(mut self) {
        self.process.signal("-TERM");
        let status = self.process.wait(PATIENCE);
        assert!(status.success(), "Prometheus ended with {status}");
    }

    /// Ends its scrapes by a new configuration, so that what it has stored changes no more. It goes
    /// on writing what it has, and answers queries.
    ///
    /// # Panics
    /// When the configuration cannot be changed.
    pub fn stop_scraping(&self, dir: &Path) {
        let text = "global:\n  scrape_interval: 1h\n";
        let config = dir.join("prometheus.yml");
        let old = fs::read_to_string(&config).expect("the configuration was written");
        let remote = old.split("remote_write:").nth(1).expect("it writes remotely");
        fs::write(&config, format!("{text}remote_write:{remote}")).expect("it can be rewritten");
        self.process.signal("-HUP");
    }
}
