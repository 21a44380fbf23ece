//! The exporters that are started for a recording, on free ports: whichever this machine has.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::Target;
use crate::{http, port};

/// An exporter that does not answer after so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// Running exporters, stopped when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Exporters {
    children: Vec<Child>,
    /// Where they answer.
    pub(super) targets: Vec<Target>,
}

/// Starts the exporters of Debian that are installed, with a Prometheus that scrapes all of them and a
/// VictoriaMetrics that it writes to, so that both have something to tell.
pub(super) fn start(work: &Path, given: &[Target]) -> Result<Exporters> {
    let mut started = Exporters::default();
    started.start(work, "node", "prometheus-node-exporter", |port| {
        let collectors = ["--collector.processes", "--collector.interrupts", "--collector.tcpstat"];
        let mut arguments = vec![format!("--web.listen-address=127.0.0.1:{port}")];
        arguments.extend(collectors.map(str::to_owned));
        Ok(arguments)
    })?;
    let processes = work.join("processes.yml");
    fs::write(&processes, "process_names:\n  - name: \"{{.Comm}}\"\n    cmdline: ['.+']\n")?;
    started.start(work, "process", "prometheus-process-exporter", |port| {
        Ok(vec![
            format!("-web.listen-address=127.0.0.1:{port}"),
            format!("-config.path={}", processes.display()),
        ])
    })?;
    started.start(work, "victoria-metrics", "victoria-metrics", |port| {
        Ok(vec![
            format!("-httpListenAddr=127.0.0.1:{port}"),
            format!("-storageDataPath={}", work.join("victoria-metrics").display()),
        ])
    })?;
    let config = work.join("prometheus.yml");
    let known: Vec<Target> = started.targets.iter().chain(given).cloned().collect();
    started.start(work, "prometheus", "prometheus", |port| {
        fs::write(&config, scrape_config(&known, port))?;
        Ok(vec![
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", work.join("prometheus").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ])
    })?;
    if started.targets.is_empty() && given.is_empty() {
        bail!("no exporter is installed here (see scripts/setup), and no --target is given");
    }
    Ok(started)
}

fn scrape_config(targets: &[Target], own_port: u16) -> String {
    let mut config = "global: {scrape_interval: 1s}\nscrape_configs:\n".to_owned();
    let own = ("prometheus", own_port, "/metrics");
    let others = targets.iter().map(|it| (it.name.as_str(), it.port, it.path.as_str()));
    for (name, port, path) in others.chain([own]) {
        let path = path.split('?').next().unwrap_or_default();
        config.push_str(&format!(
            "- job_name: {name}\n  metrics_path: {path}\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
        ));
    }
    if let Some(receiver) = targets.iter().find(|it| it.name == "victoria-metrics") {
        config.push_str(&format!(
            "remote_write: [{{url: 'http://127.0.0.1:{}/api/v1/write'}}]\n",
            receiver.port
        ));
    }
    config
}

impl Exporters {
    /// Starts a program, unless it is not installed, and waits until it answers.
    fn start(
        &mut self,
        work: &Path,
        name: &str,
        program: &str,
        arguments: impl FnOnce(u16) -> Result<Vec<String>>,
    ) -> Result<()> {
        let port = port::free()?;
        let log = File::create(work.join(format!("{name}.log")))?;
        let mut command = Command::new(program);
        command.args(arguments(port)?).stdin(Stdio::null());
        let spawned = command.stdout(log.try_clone()?).stderr(log).spawn();
        match spawned {
            Ok(child) => self.children.push(child),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("{program} is not installed");
                return Ok(());
            }
            Err(error) => return Err(error).with_context(|| program.to_owned()),
        }
        let target = Target { name: name.to_owned(), port, path: "/metrics".to_owned() };
        let began = Instant::now();
        while !http::get(port, &target.path).is_ok_and(|answer| answer.status == 200) {
            if began.elapsed() > PATIENCE {
                bail!("{program} does not answer on port {port}");
            }
            std::thread::sleep(POLL);
        }
        self.targets.push(target);
        Ok(())
    }
}

impl Drop for Exporters {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that has ended by itself needs no kill.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
