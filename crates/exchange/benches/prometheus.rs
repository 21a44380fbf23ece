//! How fast Prometheus blocks are written and read: 5 million samples, once each.
//!
//! `cargo bench -p timberline-exchange --bench prometheus`. The samples are counters and gauges with
//! jitter at 15 s, 1,000 series of 5,000 samples.

use std::time::Instant;

use timberline::{Database, ImportOptions, Labels, Options, Retention, SeriesColumns, TimeRange};
use timberline_exchange::{Format, ImportSettings, Selection, export, import};

const SERIES: i64 = 1_000;
const SAMPLES: i64 = 5_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let open = |name: &str| {
        let options =
            Options { background: false, retention: Retention::default(), ..Options::default() };
        Database::open(dir.path().join(name), options)
    };
    let first = open("first")?;
    let mut bulk = first.begin_import(ImportOptions::default())?;
    let begin = Instant::now();
    for series in 0..SERIES {
        let number = series.to_string();
        let labels = Labels::from_pairs([("__name__", "m"), ("job", "bench"), ("n", &number)])?;
        let mut columns = SeriesColumns::default();
        for n in 0..SAMPLES {
            let noise = (n * 7_919 + series * 104_729) % 97;
            let ts = 1_700_000_000_000 + n * 15_000 + noise % 5;
            let value = if series % 2 == 0 { (n * 100 + noise) as f64 } else { noise as f64 / 8.0 };
            columns.push(ts * 1_000_000, 0, value);
        }
        bulk.push(&labels, &mut columns)?;
    }
    bulk.finish()?;
    report("bulk import from memory", begin);
    let everything = Selection { selectors: Vec::new(), range: TimeRange::ALL };
    let blocks = dir.path().join("blocks");
    let begin = Instant::now();
    export(&first, Format::Prometheus, &everything, &blocks, &mut |_| {})?;
    report("export to Prometheus blocks", begin);
    let second = open("second")?;
    let begin = Instant::now();
    let settings = ImportSettings::default();
    let done = import(&second, Format::Prometheus, &[blocks], &settings, &mut |_| {})?;
    assert_eq!(done.samples_written, (SERIES * SAMPLES) as u64);
    report("import of Prometheus blocks", begin);
    for (name, format) in
        [("csv", Format::Csv), ("ndjson", Format::NdJson), ("parquet", Format::Parquet)]
    {
        let path = dir.path().join(name);
        let begin = Instant::now();
        export(&first, format, &everything, &path, &mut |_| {})?;
        report(&format!("export to {name}"), begin);
        let database = open(&format!("from-{name}"))?;
        let begin = Instant::now();
        import(&database, format, &[path], &settings, &mut |_| {})?;
        report(&format!("import of {name}"), begin);
    }
    Ok(())
}

fn report(what: &str, begin: Instant) {
    let seconds = begin.elapsed().as_secs_f64();
    let rate = (SERIES * SAMPLES) as f64 / seconds / 1e6;
    println!("{what}: {seconds:.2} s, {rate:.2} M samples/s");
}
